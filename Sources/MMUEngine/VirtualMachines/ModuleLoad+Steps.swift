/// The micro-steps of loading, in their order. Each tests that it is its turn, then happens.

extension ModuleLoad {
  /// Throws: `wouldRefuse` unless the load has come to this phase.
  private func require(_ expected: ModulePhase) throws(VMStatus) {
    if phase != expected { throw .wouldRefuse }
  }

  /// Takes the given conditions as chosen for this load, the named ones as missing.
  private mutating func choose(_ conditions: [HostCondition], missing names: Set<HostCondition>) {
    missing.subtract(conditions)
    missing.formUnion(names.intersection(conditions))
  }

  /// The head of `vmx_init` or `svm_init`.
  ///
  /// Throws: -EOPNOTSUPP on a CPU with neither; nothing is touched then.
  mutating func probe(_ vendor: CPUVendor) throws(VMStatus) {
    try require(.unloaded)
    if vendor == .other { throw .notSupported }
    cpu = vendor
    phase = .probed
  }

  /// Common code before `hardware_setup`: the mask becomes BIT(KVM_X86_DEFAULT_VM).
  ///
  /// Source: Linux 6.16 arch/x86/kvm/x86.c, kvm_x86_vendor_init.
  mutating func beginVendorInit(_ policy: KernelPolicy) throws(VMStatus) {
    try require(.probed)
    if !policy.has(.assignMaskAfterVendor) { assignDefault(policy) }
    phase = .maskWritten
  }

  /// Writes BIT(0) over whatever an earlier load left.
  private mutating func assignDefault(_ policy: KernelPolicy) {
    if !policy.has(.orIntoStaleMask) {
      mask = 0
      written = 0
    }
    advertise(.default)
  }

  /// `kvm_configure_mmu`, called by the vendor's `hardware_setup`; on Intel the rest of that follows at once.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_configure_mmu.
  mutating func configureMMU(missing names: Set<HostCondition>) throws(VMStatus) {
    try require(.maskWritten)
    choose(HostCondition.mmu, missing: names)
    phase = cpu == .amd ? .mmuConfigured : .capsSet
  }

  /// Finds out which of SEV, SEV-ES and SNP are usable; the firmware has the last word.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_hardware_setup.
  mutating func setUpSEV(missing names: Set<HostCondition>) throws(VMStatus) {
    try require(.mmuConfigured)
    let groups = HostCondition.sevGroup + HostCondition.sevESGroup + HostCondition.snpGroup
    choose((groups + HostCondition.firmwareGroup).filter { $0 != .mmioCaching }, missing: names)
    enabled = []
    if holds([.tdp] + HostCondition.sevGroup) {
      enabled.insert(.sev)
      if holds(HostCondition.sevESGroup) {
        enabled.insert(.sevES)
        if holds(HostCondition.snpGroup) { enabled.insert(.snp) }
      }
      if !holds([.firmware]) { enabled = [] }
      if !holds([.snpInitialized]) { enabled.remove(.snp) }
    }
    noteUp(.sev, [.tdp, .firmware] + HostCondition.sevGroup)
    noteUp(.sevES, [.tdp, .firmware] + HostCondition.sevGroup + HostCondition.sevESGroup)
    noteUp(.snp, [.tdp] + groups + HostCondition.firmwareGroup)
    phase = .sevProbed
  }

  /// Records, for the engine's own checks, that a type's requirements are all met.
  private mutating func noteUp(_ type: VMType, _ requirements: [HostCondition]) {
    if holds(requirements) { up.insert(type) }
  }

  /// ORs in the SEV types with the values after probing.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_set_cpu_caps.
  mutating func setSEVCapabilities() throws(VMStatus) {
    try require(.sevProbed)
    for type in [VMType.sev, .sevES, .snp] where enabled.contains(type) { advertise(type) }
    phase = .capsSet
  }

  /// Common code after `hardware_setup`: SW_PROTECTED with CONFIG_KVM_SW_PROTECTED_VM and the TDP MMU.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/x86.c, kvm_x86_vendor_init.
  mutating func endVendorInit(configured: Bool, _ policy: KernelPolicy) throws(VMStatus) {
    try require(.capsSet)
    if policy.has(.assignMaskAfterVendor) { assignDefault(policy) }
    if configured && (tdpMMUEnabled || policy.has(.swProtectedWithoutTDPMMU)) { advertise(.swProtected) }
    if configured && tdpMMUEnabled { up.insert(.swProtected) }
    if policy.has(.thirtyThirdType) {
      advertise(.type32)
      up.insert(.type32)
    }
    phase = cpu == .intel ? .vendorReady : .typesComplete
  }

  /// Brings the TDX module up; a failed test or a missing module only switches TDX off.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_bringup.
  /// Throws: -EIO, standing for any error but -ENODEV; the load has failed then.
  mutating func bringUpTDX(missing names: Set<HostCondition>, _ result: BringUp) throws(VMStatus) {
    try require(.vendorReady)
    choose(HostCondition.tdxGroup.filter { !HostCondition.mmu.contains($0) }, missing: names)
    let tested = holds(HostCondition.tdxGroup)
    if tested && result == .fails {
      unload()
      throw .inputOutput
    }
    enabled = tested && result == .works ? [.tdx] : []
    if tested && result == .works { up.insert(.tdx) }
    phase = .tdxProbed
  }

  /// ORs in the TDX type iff `enable_tdx` is still true.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/main.c, vt_init.
  mutating func advertiseTDX(_ policy: KernelPolicy) throws(VMStatus) {
    try require(.tdxProbed)
    let requested = policy.has(.tdxAdvertisedAfterFailedBringUp) && holds([.tdx])
    if enabled.contains(.tdx) || requested { advertise(.tdx) }
    phase = .typesComplete
  }

  /// Registers /dev/kvm.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_init.
  mutating func expose() throws(VMStatus) {
    try require(.typesComplete)
    up.insert(.default)
    enabled = []
    missing = []
    phase = .exposed
  }

  /// Some step of loading fails; everything but the mask is undone.
  ///
  /// Throws: always, -ENOMEM.
  mutating func fail() throws(VMStatus) {
    if phase == .unloaded || phase == .exposed { throw .wouldRefuse }
    unload()
    throw .noMemory
  }

  /// Forgets what belongs to the vendor module; kvm.ko keeps the mask.
  mutating func unload() {
    phase = .unloaded
    missing = []
    enabled = []
    up = []
    answer = nil
  }

  /// Loads everything that the CPU has, for models that begin behind the load.
  mutating func loadEverything(_ vendor: CPUVendor, _ policy: KernelPolicy) throws(VMStatus) {
    try probe(vendor)
    try beginVendorInit(policy)
    try configureMMU(missing: [])
    if vendor == .amd {
      try setUpSEV(missing: [])
      try setSEVCapabilities()
    }
    try endVendorInit(configured: true, policy)
    if vendor == .intel {
      try bringUpTDX(missing: [], .works)
      try advertiseTDX(policy)
    }
    try expose()
  }

  /// `kvm_is_vm_type_supported`: below 32, and the bit is set.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/x86.c. A shift count wraps modulo 64, as the x86 instruction's does.
  func supports(_ argument: UInt64, _ policy: KernelPolicy) -> Bool {
    var type = argument
    if policy.has(.checkTypeAfterTruncationU8) { type = UInt64(UInt8(truncatingIfNeeded: type)) }
    if policy.has(.checkTypeAfterTruncationU32) { type = UInt64(UInt32(truncatingIfNeeded: type)) }
    if type >= 32 && !policy.has(.noBelow32Test) { return false }
    return UInt64(mask) & (1 << (type & 63)) != 0
  }
}
