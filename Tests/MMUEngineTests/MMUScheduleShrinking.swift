import MMUEngine
import Testing

extension MMUSchedule {
  /// Shrinks the first of some seeds' schedules that reports something, and expects that what is left of it can be stored as text, reports the
  /// same, cannot do without any one of its steps, and is silent on the right kernel. Returns: the name of the check.
  @discardableResult
  static func expectShrinking(
    seeds: Range<UInt64>, length: Int, _ run: (MMUSchedule) -> ScheduleResult,
    silent right: (MMUSchedule) -> ScheduleResult
  ) throws -> String {
    let found = seeds.lazy.map { MMUSchedule(seed: $0, length: length) }.first { !run($0).checks.isEmpty }
    let schedule = try #require(found)
    let name = try #require(run(schedule).checks.first?.name)
    let shrunk = schedule.shrunk(run)
    #expect(shrunk.agents.count < schedule.agents.count / 4)
    let stored = try #require(MMUSchedule(text: shrunk.text))
    #expect(stored == shrunk)
    #expect(run(stored).checks.first?.name == name)
    #expect(run(stored).steps == shrunk.agents.count)
    #expect(right(stored).checks == [])
    for position in shrunk.agents.indices {
      var shorter = shrunk
      shorter.agents.remove(at: position)
      #expect(run(shorter).checks.first?.name != name, "agent \(position)")
    }
    return name
  }
}
