/// A machine whose agents are stepped one micro-step at a time: what a schedule is a schedule of.
package protocol ScheduledHost: Sendable {
  /// One micro-step of an agent.
  mutating func step(_ agent: Int)

  /// Lets the agents end what they have begun, and destroys the VM.
  mutating func finish()

  /// The checks that have fired since the last time.
  mutating func collectChecks() -> [EngineCheck]
}

/// What a schedule came to: the first checks that fired, and after how many micro-steps.
package struct ScheduleResult: Hashable, Sendable {
  package let checks: [EngineCheck]
  package let steps: Int
}

extension MMUSchedule {
  /// Runs it on a host that has done nothing yet.
  package func run(_ host: some ScheduledHost) -> ScheduleResult {
    var host = host
    for (position, agent) in agents.enumerated() {
      host.step(Int(agent))
      let checks = host.collectChecks()
      if !checks.isEmpty { return ScheduleResult(checks: checks, steps: position + 1) }
    }
    host.finish()
    return ScheduleResult(checks: host.collectChecks(), steps: agents.count)
  }

  /// A shorter schedule that still makes the same check fire first; nothing that can be left out alone is left.
  ///
  /// Complexity: at most the square of the length in runs, seldom more than a few times the length.
  package func shrunk(_ run: (MMUSchedule) -> ScheduleResult) -> MMUSchedule {
    let first = run(self)
    guard let name = first.checks.first?.name else { return self }
    var best = MMUSchedule(seed: seed, agents: Array(agents.prefix(first.steps)))
    var chunk = max(1, best.agents.count / 2)
    while true {
      let before = best.agents.count
      var start = 0
      while start < best.agents.count {
        var candidate = best
        candidate.agents.removeSubrange(start..<min(start + chunk, candidate.agents.count))
        let result = run(candidate)
        if result.checks.first?.name == name {
          candidate.agents.removeLast(candidate.agents.count - result.steps)
          best = candidate
        } else {
          start += chunk
        }
      }
      // What could not go before may go now that later agents have.
      if chunk == 1, best.agents.count == before { return best }
      chunk = max(1, chunk / 2)
    }
  }
}
