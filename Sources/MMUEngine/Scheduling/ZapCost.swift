/// What the deletion of a memslot costs, in counts: the fast zap of everything against the targeted zap of the slot's leaves.
///
/// The engine maps a VM's memory, deletes a slot in either way, creates it anew and faults the working set back in; entries
/// written, tables freed, flushes and faults are counted. Above a size, counts come from closed forms, which tests hold
/// against runs; such rows are marked.
package struct ZapCost: Hashable, Sendable {
  package enum Platform: String, Hashable, Sendable, CaseIterable {
    case npt = "NPT"
    case ept = "EPT"
    case snp = "SNP"
    case tdx = "TDX"
  }

  package enum Policy: String, Hashable, Sendable, CaseIterable {
    case fast
    case targeted
  }

  /// The question.
  package struct Scenario: Hashable, Sendable {
    package let platform: Platform
    package let policy: Policy
    /// Size of the slot that is deleted and recreated. Unit: 4 KiB pages.
    package let slotPages: UInt64
    /// Size of the whole VM's mapped memory, the slot included. Unit: 4 KiB pages.
    package let memoryPages: UInt64
    package let level: Level

    package init(_ platform: Platform, _ policy: Policy, slotPages: UInt64, memoryPages: UInt64, level: Level) {
      self.platform = platform
      self.policy = policy
      self.slotPages = slotPages
      self.memoryPages = memoryPages
      self.level = level
    }

    /// Private memory of TDX and SNP is 4 KiB only, and no kernel zaps a mirror root from the top: those rows are hypothetical.
    package var isHypothetical: Bool {
      switch platform {
      case .npt, .ept: false
      case .snp: policy == .fast || level > .page4K
      case .tdx: policy == .fast || level > .page4K
      }
    }
  }

  package var entryWrites = 0
  /// Those of `entryWrites` for which mmu_lock is held for write, so that no vCPU can fault until the zap ends or yields.
  package var exclusiveWrites = 0
  package var tablesFreed = 0
  package var seamcalls = 0
  package var interrupts = 0
  package var flushes = 0
  /// Faults until the whole VM is mapped again.
  package var refaults = 0
  /// Whether the counts come from the closed form.
  package var isComputed = false

  package init() {}
}

extension ZapCost {
  /// Largest VM of 4 KiB mappings that is run on the engine: 16 GiB.
  package static let largestRun: UInt64 = 16 << 18

  /// Runs the scenario on the engine, or computes it where it is too large.
  package static func cost(_ scenario: Scenario, vcpus: Int) -> ZapCost {
    isRun(scenario) ? measured(scenario, vcpus: vcpus) : computed(scenario, vcpus: vcpus)
  }

  private static func isRun(_ scenario: Scenario) -> Bool {
    scenario.memoryPages / scenario.level.pages <= largestRun
  }

  /// Costs of many scenarios. What a run shows does not depend on the platform, so each is run once.
  package static func costs(_ scenarios: [Scenario], vcpus: Int) -> [ZapCost] {
    var runs: [Scenario: ZapObservation] = [:]
    return scenarios.map { scenario in
      guard isRun(scenario) else { return computed(scenario, vcpus: vcpus) }
      let plain = Scenario(
        .npt, scenario.policy, slotPages: scenario.slotPages, memoryPages: scenario.memoryPages, level: scenario.level)
      let run = runs[plain] ?? observe(plain)
      runs[plain] = run
      return ZapCost(run, on: scenario.platform, vcpus: vcpus)
    }
  }

  /// Counts of a run.
  package static func measured(_ scenario: Scenario, vcpus: Int) -> ZapCost {
    ZapCost(observe(scenario), on: scenario.platform, vcpus: vcpus)
  }

  private static func observe(_ scenario: Scenario) -> ZapObservation {
    var machine = ZapMachine(scenario)
    machine.map(FrameRange(start: 0, end: scenario.memoryPages))
    let before = machine.mmu.statistics
    machine.zap()
    let after = machine.mmu.statistics
    machine.seen.entryWrites = after.entryWrites - before.entryWrites
    machine.seen.tablesFreed = after.tablesFreed - before.tablesFreed
    machine.seen.refaults = machine.map(FrameRange(start: 0, end: scenario.memoryPages))
    return machine.seen
  }

  /// What a run showed, on a platform: the TDX backend's program runs at each leaf that the run took away, one RECLAIM at each
  /// table; elsewhere the run's own flushes and kicks count.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_sept_remove_private_spte, tdx_sept_free_private_spt.
  private init(_ run: ZapObservation, on platform: Platform, vcpus: Int) {
    entryWrites = run.entryWrites
    // The backend takes private leaves away with mmu_lock held for write only.
    exclusiveWrites = platform == .tdx ? run.entryWrites : run.exclusiveWrites
    tablesFreed = run.tablesFreed
    refaults = run.refaults
    let program = ZapJob(kind: .deleteSlot, target: nil).leafProgram(KernelPolicy())
    let calls = program.count(where: \.isSEAMCall)
    let kicks = program.count { $0 == .kick }
    for hook in run.hooks where platform == .tdx {
      switch hook {
      case .leaves(let count):
        seamcalls += calls * count
        // What a kicked vCPU flushes, it flushes as it enters the TD again.
        flushes += kicks * count
        interrupts += kicks * vcpus * count
      case .table: seamcalls += 1
      }
    }
    guard platform != .tdx else { return }
    // A flush reaches every vCPU by an IPI; a kick makes each load a root, which flushes its own TLB.
    flushes = run.flushes + run.kicks * vcpus
    interrupts = (run.flushes + run.kicks) * vcpus
  }

  /// The same counts from closed forms.
  ///
  /// A tree over M pages has ceil(M / 512^k) tables of level k. The fast zap clears each leaf and each table's entry and then
  /// freezes the 512 entries of every table but the root's, with mmu_lock held for read; the targeted one clears the slot's
  /// leaves with mmu_lock held for write.
  package static func computed(_ scenario: Scenario, vcpus: Int) -> ZapCost {
    var cost = ZapCost()
    cost.isComputed = true
    let leaves = Int(scenario.memoryPages / scenario.level.pages)
    let slotLeaves = Int(scenario.slotPages / scenario.level.pages)
    var tables = 0
    var level = scenario.level
    while level < .page512G, let above = level.above {
      tables += Int((scenario.memoryPages + above.pages - 1) / above.pages)
      level = above
    }
    switch scenario.policy {
    case .fast:
      cost.entryWrites = leaves + tables + 512 * tables
      // The root is freed as well, once the last vCPU has let go of it.
      cost.tablesFreed = tables
      cost.refaults = leaves
    case .targeted:
      cost.entryWrites = slotLeaves
      cost.exclusiveWrites = slotLeaves
      cost.refaults = slotLeaves
    }
    if scenario.platform == .tdx { cost.exclusiveWrites = cost.entryWrites }
    cost.charge(scenario, leaves: scenario.policy == .fast ? leaves : slotLeaves, vcpus: vcpus)
    return cost
  }

  /// SEAMCALLs, interrupts and flushes by formula, from the leaves and tables of the closed form.
  private mutating func charge(_ scenario: Scenario, leaves: Int, vcpus: Int) {
    switch scenario.platform {
    case .npt, .ept, .snp:
      seamcalls = 0
      interrupts = vcpus
      flushes = scenario.policy == .fast ? vcpus : 1
    case .tdx:
      // BLOCK, TRACK, REMOVE and WBINVD of each leaf; a kick of every vCPU after each TRACK; a table is RECLAIMed.
      seamcalls = 4 * leaves + tablesFreed
      interrupts = vcpus * leaves
      flushes = leaves
    }
  }
}

/// What a run of the engine showed.
struct ZapObservation {
  /// Where the kernel calls the TDX backend for a private tree, in order.
  enum Hook {
    /// So many leaves went one after another.
    case leaves(Int)
    /// A table went.
    case table
  }

  var entryWrites = 0
  var exclusiveWrites = 0
  var tablesFreed = 0
  var refaults = 0
  var hooks: [Hook] = []
  /// Remote flushes that a walk asked for.
  var flushes = 0
  /// Times that all vCPUs were made to leave the guest and drop their root.
  var kicks = 0

  mutating func note(_ step: MicroStep) {
    switch step {
    case .event(.spteChanged(_, _, let level, let old, let new)) where old.isLeaf(at: level) && !new.isPresent:
      if case .leaves(let count)? = hooks.last {
        hooks[hooks.count - 1] = .leaves(count + 1)
      } else {
        hooks.append(.leaves(1))
      }
    case .event(.prepareZapPage): hooks.append(.table)
    case .flush: flushes += 1
    case .kick: kicks += 1
    case .silent, .event, .blocked, .asks, .finished: return
    }
  }
}

/// The machine of a run: one root, mapped by faults without a vCPU around them.
struct ZapMachine {
  let scenario: ZapCost.Scenario
  var mmu: TDPMMU
  var root: TableID
  var seen = ZapObservation()

  init(_ scenario: ZapCost.Scenario) {
    self.scenario = scenario
    mmu = TDPMMU(.linux616, scenario.platform == .ept || scenario.platform == .tdx ? .ept : .npt)
    root = mmu.makeRoot(RootRole(level: .page512G)).0
  }

  /// Faults every frame of a range in that is not mapped; returns how many faults that took.
  @discardableResult
  mutating func map(_ range: FrameRange) -> Int {
    var faults = 0
    var gfn = range.start
    var cache = MMIOCache()
    while gfn < range.end {
      defer { gfn += scenario.level.pages }
      if mmu.lookup(root, GFN(gfn)).entry.isPresent, mmu.lookup(root, GFN(gfn)).level <= scenario.level { continue }
      faults += 1
      var fault = PageFault(FaultRequest(vcpu: 0, address: gfn << 12, code: [.write, .user]), root: root)
      while fault.result == nil {
        guard case .asks = fault.step(&mmu, &cache) else { continue }
        if fault.question == .slot {
          fault.answer(isDirtyTracked: false)
        } else {
          fault.answer(.page(PFN(1 << 30 + gfn), isWritable: true, limit: scenario.level))
        }
      }
    }
    return faults
  }

  /// Deletes the slot that ends the memory.
  mutating func zap() {
    switch scenario.policy {
    case .fast:
      var zap = FastZap()
      run { zap.step(&$0) }
      mmu.putRoot(root)
      mmu.statistics.tablesFreed -= 1
      mmu.endGracePeriod(mmu.graveyard.count)
      root = mmu.makeRoot(RootRole(level: .page512G)).0
    case .targeted:
      let range = FrameRange(start: scenario.memoryPages - scenario.slotPages, end: scenario.memoryPages)
      var walk = RootsWalk(.zapLeaves, .all, range, lock: .write)
      run { walk.step(&$0) }
    }
  }

  /// Steps an agent to its end and notes what it shows.
  private mutating func run(_ step: (inout TDPMMU) -> MicroStep) {
    while true {
      let before = mmu.statistics.entryWrites
      let wasExclusive = mmu.lock.isHeld(.write)
      let result = step(&mmu)
      if wasExclusive || mmu.lock.isHeld(.write) { seen.exclusiveWrites += mmu.statistics.entryWrites - before }
      seen.note(result)
      if case .finished = result { return }
    }
  }
}
