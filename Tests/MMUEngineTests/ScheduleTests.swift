/// Random schedules of micro-steps on the right kernel: whole lives of TDs, checked after every step.
///
/// A schedule tries random operations; the kernel refuses most of them, because it would do something else, and such a
/// refusal must change nothing. What it takes must never trip a check or an invariant. The seed is in the failure.
import MMUEngine
import TestSupport
import Testing

/// An operation with its arguments.
struct Request: CustomStringConvertible {
  let name: String
  let arguments: [String: Argument]

  var description: String {
    ([name] + arguments.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
  }
}

/// Draws operations over a small scope: one table, two leaves, four pages, two vCPUs, two packages.
struct Scheduler {
  var generator: SeededGenerator
  /// Rows that need a deviation, the environment's failure, or a fresh machine.
  private static let excluded: Set<String> = ["platform", "inject_seamcall_failure"]
  /// Rows that end a phase of life: drawn once in so many times, so that phases are long.
  private static let rare = ["close_begin": 12, "vm_release": 3, "TDH.MR.FINALIZE": 12, "mr_finalize_module": 12]
  private let rows = Machine.secureEPTOperations.filter { !Self.excluded.contains($0.name) }

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// The next request.
  mutating func draw() -> Request {
    while true {
      let row = rows[Int.random(in: 0..<rows.count, using: &generator)]
      if let rarity = Self.rare[row.name], Int.random(in: 0..<rarity, using: &generator) != 0 { continue }
      var arguments: [String: Argument] = [:]
      for parameter in row.parameters {
        if parameter.isOptional, Bool.random(using: &generator) { continue }
        arguments[parameter.name] = .integer(value(parameter.name))
      }
      return Request(name: row.name, arguments: arguments)
    }
  }

  /// A value for a parameter; `gfn` is a leaf's or, for the first one, also the table's.
  private mutating func value(_ parameter: String) -> Int {
    switch parameter {
    case "gfn": 0x200 + Int.random(in: 0..<2, using: &generator)
    case "pfn": 0x1000 + Int.random(in: 0..<4, using: &generator)
    case "vcpu", "package": Int.random(in: 0..<2, using: &generator)
    case "level": Int.random(in: 0..<8, using: &generator) == 0 ? 1 : 0
    default: 1
    }
  }
}

@Suite struct ScheduleTests {
  /// Runs a schedule; returns how often each operation succeeded.
  private func run(seed: UInt64, policy: KernelPolicy, attempts: Int) throws -> [String: Int] {
    var scheduler = Scheduler(seed: seed)
    var machine = Machine(policy: policy)
    machine.checksInvariants = true
    _ = try machine.perform("platform", ["vcpus": .integer(2), "packages": .integer(2)])
    var done: [String: Int] = [:]
    for attempt in 0..<attempts {
      let request = scheduler.draw()
      let before = machine.tdx
      let outcome = try machine.perform(request.name, request.arguments)
      let context = "seed \(seed), attempt \(attempt): \(request) -> \(outcome.status)"
      #expect(outcome.checks.isEmpty, "\(context)")
      if outcome.status.hasPrefix("KVM_WOULD_") { #expect(machine.tdx == before, "\(context)") }
      let row = Machine.operations.first { $0.name == request.name }
      #expect(row?.statuses.contains(outcome.status) == true, "\(context)")
      guard outcome.checks.isEmpty, outcome.status != "KVM_BUG_ON" else { break }
      if outcome.status == "SUCCESS" { done[request.name, default: 0] += 1 }
    }
    return done
  }

  @Test(arguments: ["right", "kvm-6-16"])
  func rightKernelNeverTripsACheck(_ name: String) throws {
    let policy = try #require(KernelPolicy(named: name))
    var done: [String: Int] = [:]
    for seed in 1...6 {
      done.merge(try run(seed: UInt64(seed), policy: policy, attempts: 25_000), uniquingKeysWith: +)
    }
    // What must have happened for the run to mean something; the rest belongs to the other form or to deviations.
    let deviationsOnly: Set<String> = [
      "zap_table", "TDH.MEM.RANGE.UNBLOCK", "free_early", "TDH.MEM.SEPT.REMOVE", "kvm_bug_on",
    ]
    let otherForm: Set<String> = name == "right" ? ["init_mem_premap"] : ["init_mem_freeze"]
    for row in Machine.secureEPTOperations {
      let isLeftOut = deviationsOnly.contains(row.name) || otherForm.contains(row.name)
      if row.name == "platform" || row.name == "inject_seamcall_failure" { continue }
      #expect(
        (done[row.name, default: 0] > 0) != isLeftOut,
        "\(name): \(row.name) succeeded \(done[row.name, default: 0]) times")
    }
    #expect(done["td_create", default: 0] > 6, "TDs are created again on reclaimed pages")
  }
}
