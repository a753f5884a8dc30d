/// The kernel and the hardware under it, driven one micro-step at a time.
///
/// Every operation names a micro-step of one agent (a vCPU's thread, an ioctl, the release of the VM). The kernel performs
/// it when it is what that agent would do now, and otherwise changes nothing and says what it would do instead. So any
/// interleaving of agents can be forced, but no agent can be made to do what its code does not, unless the policy says so.
/// Source: Linux 6.16 and 6.19 arch/x86/kvm/vmx/tdx.c, arch/x86/kvm/mmu/tdp_mmu.c.

/// Why a micro-step did not come to its ordinary end.
package enum Stop: Error, Hashable, Sendable {
  /// The agent does something else now; nothing has changed.
  case would(String)
  /// The module refused; what the kernel does about it has been done.
  case module(Refusal)
  /// A KVM_BUG_ON was hit; what that leaves behind is done.
  case bug(String)

  /// A lock or another agent excludes the step now.
  static let wait = Stop.would("WAIT")
  /// The step is never taken in this state.
  static let refuse = Stop.would("REFUSE")
}

/// The machine as the Secure-EPT operations see it.
package struct TDXHost: Hashable, Sendable {
  package let policy: KernelPolicy
  /// The kernel whose deviations the policy names.
  package let version: KernelVersion
  package var platform: TDXPlatform
  /// The VM; nil before its creation and after its destruction.
  package var vm: TDXVirtualMachine?

  /// Guest frames that memslots can be made for: 8 tables with 16 frames each.
  package static let tables: [GFN] = (1...8).map { GFN(0x200 * $0) }
  /// How many frames of each table.
  package static let leavesPerTable: UInt64 = 16

  /// Without a version, the kernel is the policy's form.
  package init(policy: KernelPolicy, size: PlatformSize = .scenario, version: KernelVersion? = nil) {
    self.policy = policy
    self.version = version ?? (policy.has(.linux616) ? .linux616 : .linux619)
    var omissions: Set<ModuleOmission> = []
    if policy.has(.moduleNoTracking) { omissions.insert(.tracking) }
    if policy.has(.moduleNoChildren) { omissions.insert(.childCount) }
    if policy.has(.moduleNoScan) { omissions.insert(.emptyTableScan) }
    if policy.has(.vpInitShared) { omissions.insert(.exclusiveVPInit) }
    platform = TDXPlatform(size: size, omissions: omissions)
  }

  /// Every frame that a memslot can be made for.
  package static var allFrames: [GFN] {
    tables.flatMap { table in (0..<leavesPerTable).map { GFN(table.rawValue + $0) } }
  }

  /// The VM, or a refusal when there is none.
  func requireVM() throws(Stop) -> TDXVirtualMachine {
    guard let vm else { throw .refuse }
    return vm
  }

  /// The VM while it has users and works: not being destroyed, not bugged.
  func requireWorkingVM() throws(Stop) -> TDXVirtualMachine {
    let vm = try requireVM()
    guard vm.phase == .live, !vm.isBugged else { throw .refuse }
    return vm
  }

  /// The VM's TDR as an operand.
  func tdr(_ vm: TDXVirtualMachine) -> HPA { vm.tdr.address }

  /// Issues a SEAMCALL for the kernel; a refusal becomes a stop.
  ///
  /// The name is on the stack of micro-steps while the call runs, so that a use of a freed page shows it.
  @discardableResult
  mutating func seamcall(_ call: SEAMCall, on processor: LPID? = nil) throws(Stop) -> Completion {
    platform.memory.steps.names.append(call.name)
    defer { platform.memory.steps.names.removeLast() }
    do { return try platform.execute(call, on: processor) } catch { throw .module(error) }
  }

  /// A mapping holds a reference on its page, in kernels where it does.
  mutating func pin(_ page: PFN) {
    if version.privatePages == .pinned { vm?.pinned.insert(page) }
  }

  /// Writes a mirror entry. Requires: there is a VM.
  mutating func setMirror(_ gfn: GFN, _ level: Level, _ new: SPTE, _ lock: MMULockMode) {
    vm?.mirror.apply(MirrorChange(gfn: gfn, level: level, new: new, lock: lock), in: &platform.memory)
  }

  /// Reads a mirror entry.
  func mirror(_ gfn: GFN, _ level: Level = .page4K) -> SPTE {
    vm?.mirror.entry(gfn, level, in: platform.memory) ?? .nonpresent
  }

  /// Gives a page back to the allocator, and reports when the module or a cache still has it.
  ///
  /// The page is freed all the same: what comes of it is what a deviation is run for. The right kernel never gets here with
  /// such a page; that it does not is the property.
  mutating func release(_ page: PFN, _ key: HKID) {
    let type = platform.pamt.leaf(of: page).type
    if type != .notAssigned {
      platform.memory.report("page-freed-while-owned", "page \(page.rawValue) is PT_\(type.name) in the PAMT")
    } else if platform.memory.isDirty(page, key) {
      platform.memory.report("page-freed-dirty", "page \(page.rawValue) has dirty lines of HKID \(key.rawValue)")
    }
    platform.memory.free(page)
  }

  /// Marks the VM as bugged, kicks its vCPUs out for good (`kvm_vm_bugged`), and ends the micro-step in the event.
  mutating func bugOn(_ what: String) -> Stop {
    vm?.isBugged = true
    kickAll()
    return .bug(what)
  }

  /// Asks every vCPU in the guest to exit (`kvm_make_all_cpus_request` with `KVM_REQ_OUTSIDE_GUEST_MODE`).
  mutating func kickAll() {
    guard let vm else { return }
    for (index, thread) in vm.vcpus.enumerated() {
      let isInside = mode(of: thread).usesTranslations
      self.vm?.vcpus[index].exitRequested = isInside
    }
  }

  /// Where a vCPU is, seen from the module; out when its TDVPR has been given back.
  package func mode(of thread: VCPUThread) -> VCPUMode {
    platform.virtualProcessors[thread.tdvpr]?.mode ?? .out
  }

  /// The module's TD; nil when there is none.
  package var domain: TrustDomain? { vm.flatMap { platform.domains[$0.tdr] } }
}
