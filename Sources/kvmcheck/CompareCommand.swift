import ArgumentParser
import Foundation
import Interchange
import MMUEngine

/// `kvmcheck compare`: questions of the mailing list, answered in verdicts and in counts.
struct CompareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Compare designs by what holds in them, and zap policies by what they cost.",
    subcommands: [CompareDesignsCommand.self, CompareZapCommand.self])
}

/// `kvmcheck compare zap`.
struct CompareZapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zap", abstract: "The fast zap of everything against the targeted zap of a deleted slot.",
    discussion:
      "Counts on the engine, not seconds: what the deletion writes, frees and flushes, and the faults after it.")

  @Option(help: ArgumentHelp("How many vCPUs the VM has.", valueName: "n"))
  var vcpus = 8

  @Option(help: ArgumentHelp("Only slots of this size: 2M, 64M, 1G, 2G, 16G, 128G, 1T.", valueName: "size"))
  var slot: String?

  @Option(help: "The form of results: text, json.")
  var format = RunOptions.Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  mutating func validate() throws {
    if vcpus < 1 || vcpus > 4096 { throw ValidationError("--vcpus \(vcpus): expected 1 to 4096") }
    if let slot, Self.sizes[slot] == nil {
      throw ValidationError("--slot \(slot): expected 2M, 64M, 1G, 2G, 16G, 128G or 1T")
    }
  }

  func run() throws {
    let console = try Console(path: output, quiet: true)
    let pages = slot.flatMap { Self.sizes[$0] }
    let scenarios = Self.scenarios.filter { pages == nil || $0.slotPages == pages }
    let rows = Array(zip(scenarios, ZapCost.costs(scenarios, vcpus: vcpus)))
    switch format {
    case .text: try console.write(Self.text(rows))
    case .json: try console.write(String(decoding: Self.json(rows).encoded(), as: UTF8.self))
    }
    try console.finish()
  }

  /// The sizes of slots by their names on the command line, in pages.
  private static let sizes: [String: UInt64] = [
    "2M": 1 << 9, "64M": 1 << 14, "1G": 1 << 18, "2G": 1 << 19, "16G": 1 << 22, "128G": 1 << 25, "1T": 1 << 28,
  ]

  /// Slots from 2 MiB to 1 TiB, each alone in its VM and in a VM of 1 TiB.
  private static let scenarios: [ZapCost.Scenario] = {
    let sizes = Self.sizes.values.sorted()
    return ZapCost.Platform.allCases.flatMap { platform in
      [Level.page4K, .page2M].flatMap { level in
        sizes.flatMap { size in
          Set([size, 1 << 28]).sorted().flatMap { memory in
            ZapCost.Policy.allCases.map {
              ZapCost.Scenario(platform, $0, slotPages: size, memoryPages: memory, level: level)
            }
          }
        }
      }
    }
  }()

  private static func text(_ rows: [(ZapCost.Scenario, ZapCost)]) -> String {
    var lines = [
      "platform page  slot      VM        policy    SPTE writes   write-locked  tables freed     SEAMCALLs          IPIs"
        + "       flushes      refaults"
    ]
    var seen: Set<ZapCost.Scenario> = []
    for (scenario, cost) in rows where seen.insert(scenario).inserted {
      let numbers = [
        cost.entryWrites, cost.exclusiveWrites, cost.tablesFreed, cost.seamcalls, cost.interrupts, cost.flushes,
        cost.refaults,
      ]
      let marks = (cost.isComputed ? "  computed" : "") + (scenario.isHypothetical ? "  hypothetical" : "")
      lines.append(
        pad(scenario.platform.rawValue, 9) + pad(scenario.level == .page4K ? "4K" : "2M", 6)
          + pad(size(scenario.slotPages), 10) + pad(size(scenario.memoryPages), 10) + pad(scenario.policy.rawValue, 8)
          + numbers.map { padLeft(grouped($0), 14) }.joined() + marks)
    }
    // Of one size nothing crosses.
    if Set(rows.map(\.0.slotPages)).count > 1 { lines += [""] + crossovers(rows) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What policies are compared by: the work that the deletion makes in all, and what of it vCPUs wait for.
  private static let weighings: [(title: String, weight: @Sendable (ZapCost) -> Int)] = [
    ("by all work (SPTE writes of the zap, and refaults)", { $0.entryWrites + $0.refaults }),
    (
      "by what vCPUs wait for (SPTE writes with mmu_lock held for write, which keeps faults out, and refaults)",
      { $0.exclusiveWrites + $0.refaults }
    ),
  ]

  /// Where one policy begins to cost more than the other in a VM of 1 TiB, by each weighing.
  private static func crossovers(_ rows: [(ZapCost.Scenario, ZapCost)]) -> [String] {
    let costs = Dictionary(rows, uniquingKeysWith: { first, _ in first })
    let sizes = Set(rows.map(\.0.slotPages)).sorted()
    return weighings.flatMap { title, weight in
      ["crossover in a VM of 1 TiB, \(title):"]
        + ZapCost.Platform.allCases.flatMap { platform in
          [Level.page4K, .page2M].map { level in
            let wins = sizes.filter { size in
              let cost = { (policy: ZapCost.Policy) in
                costs[ZapCost.Scenario(platform, policy, slotPages: size, memoryPages: 1 << 28, level: level)]
                  .map(weight)
              }
              guard let fast = cost(.fast), let targeted = cost(.targeted) else { return false }
              return fast < targeted
            }
            return "  \(platform.rawValue) \(level == .page4K ? "4K" : "2M"): " + verdict(wins, of: sizes)
          }
        }
    }
  }

  /// In words, which policy costs less; `wins` are the sizes at which the fast zap does.
  private static func verdict(_ wins: [UInt64], of sizes: [UInt64]) -> String {
    guard let first = wins.first else { return "targeted at every size, 1 TiB included" }
    if wins == sizes { return "fast at every size, \(size(first)) included" }
    return wins == sizes.filter { $0 >= first }
      ? "fast from \(size(first)) on" : "fast at " + wins.map(size).joined(separator: ", ")
  }

  private static func json(_ rows: [(ZapCost.Scenario, ZapCost)]) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"),
      "rows": .array(
        rows.map { scenario, cost in
          .object([
            "platform": .string(scenario.platform.rawValue), "policy": .string(scenario.policy.rawValue),
            "slotPages": .integer(Int(scenario.slotPages)), "memoryPages": .integer(Int(scenario.memoryPages)),
            "level": .integer(Int(scenario.level.rawValue)), "entryWrites": .integer(cost.entryWrites),
            "exclusiveWrites": .integer(cost.exclusiveWrites),
            "tablesFreed": .integer(cost.tablesFreed), "seamcalls": .integer(cost.seamcalls),
            "interrupts": .integer(cost.interrupts), "flushes": .integer(cost.flushes),
            "refaults": .integer(cost.refaults), "computed": .boolean(cost.isComputed),
            "hypothetical": .boolean(scenario.isHypothetical),
          ])
        }),
    ])
  }

  private static func size(_ pages: UInt64) -> String {
    let mebibytes = pages >> 8
    return mebibytes >= 1 << 20
      ? "\(mebibytes >> 20) TiB" : mebibytes >= 1024 ? "\(mebibytes >> 10) GiB" : "\(mebibytes) MiB"
  }

  private static func grouped(_ number: Int) -> String {
    var digits = String(number)
    var parts: [String] = []
    while digits.count > 3 {
      parts.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return ([digits] + parts).joined(separator: ",")
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func padLeft(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
