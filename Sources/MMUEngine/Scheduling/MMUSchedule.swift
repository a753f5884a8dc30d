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

  /// Runs an ordinary VM by it, then lets the agents finish and destroys the VM.
  package func run(_ version: KernelVersion, faults: Set<InjectedFault> = []) -> ScheduleResult {
    run(MMUHost(version, seed: seed, features: features, faults: faults))
  }

  /// Runs a TD by it: agents 0 and 1 are vCPUs, 3 brings the TD from its building to its running, the others are its one thread.
  package func runTrustDomain(
    _ version: KernelVersion, _ start: TrustDomainHost.Start = .running,
    deviations: Set<KernelPolicy.Deviation> = []
  ) -> ScheduleResult {
    run(TrustDomainHost(version, seed: seed, start, deviations: deviations))
  }

  /// Runs an SNP guest by it.
  package func runSNP(
    _ version: KernelVersion, _ start: SNPGuest.Start = .running, mistakes: Set<SNPFault> = [],
    faults: Set<InjectedFault> = []
  ) -> ScheduleResult {
    run(MMUHost(snp: version, seed: seed, start, mistakes: mistakes, faults: faults))
  }

  /// Runs a TD with both halves of its memory by it, the agents being those of an ordinary VM.
  package func runWholeTrustDomain(
    _ version: KernelVersion, _ start: TrustDomainBuilding.Start = .running,
    deviations: Set<KernelPolicy.Deviation> = [], faults: Set<InjectedFault> = []
  ) -> ScheduleResult {
    run(MMUHost(trustDomain: version, seed: seed, start, deviations: deviations, faults: faults))
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
