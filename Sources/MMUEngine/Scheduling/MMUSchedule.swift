/// A schedule: which agent steps next, as a value that can be stored, run again and shrunk.
package struct MMUSchedule: Hashable, Sendable {
  /// Seeds the agents' own choices.
  package var seed: UInt64
  /// Agents, in the order of their micro-steps.
  package var agents: [UInt8]

  package init(seed: UInt64, agents: [UInt8]) {
    self.seed = seed
    self.agents = agents
  }

  /// Draws a schedule.
  package init(seed: UInt64, length: Int) {
    self.seed = seed
    var random = ScheduleRandom(seed: ~seed)
    var agents: [UInt8] = []
    while agents.count < length {
      // Runs of one agent make deep interleavings as likely as shallow ones.
      let agent = UInt8(random.below(MMUHost.agentCount))
      for _ in 0...random.below(8) { agents.append(agent) }
    }
    self.agents = Array(agents.prefix(length))
  }

  /// What is special about the VM that it runs in: each combination in turn.
  package var features: HostFeatures { HostFeatures(rawValue: UInt8(seed >> 1 & 3)) }

  /// Runs it, then lets the agents finish and destroys the VM; returns the first checks that fired, and after how many micro-steps.
  package func run(_ version: KernelVersion, faults: Set<InjectedFault> = []) -> (checks: [EngineCheck], steps: Int) {
    var host = MMUHost(version, seed: seed, features: features, faults: faults)
    for (position, agent) in agents.enumerated() {
      host.step(Int(agent))
      let checks = host.mmu.collectChecks()
      if !checks.isEmpty { return (checks, position + 1) }
    }
    host.finish()
    return (host.mmu.collectChecks(), agents.count)
  }

  /// A shorter schedule that still makes the same check fire first; nothing that can be left out alone is left.
  ///
  /// Complexity: at most the square of the length in runs.
  package func shrunk(_ version: KernelVersion, faults: Set<InjectedFault>) -> MMUSchedule {
    let first = run(version, faults: faults)
    guard let name = first.checks.first?.name else { return self }
    var best = MMUSchedule(seed: seed, agents: Array(agents.prefix(first.steps)))
    var chunk = best.agents.count / 2
    while chunk > 0 {
      var start = 0
      while start < best.agents.count {
        var candidate = best
        candidate.agents.removeSubrange(start..<min(start + chunk, candidate.agents.count))
        let result = candidate.run(version, faults: faults)
        if result.checks.first?.name == name {
          candidate.agents.removeLast(candidate.agents.count - result.steps)
          best = candidate
        } else {
          start += chunk
        }
      }
      chunk /= 2
    }
    return best
  }

  /// As text: the seed, then the agents as digits.
  package var text: String { "\(seed):" + agents.map { String($0) }.joined() }

  /// Reads what `text` wrote; nil when it is something else.
  package init?(text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let seed = UInt64(parts[0]) else { return nil }
    let agents = parts[1].utf8.map { $0 &- 0x30 }
    guard agents.allSatisfy({ Int($0) < MMUHost.agentCount }) else { return nil }
    self.init(seed: seed, agents: agents)
  }
}
