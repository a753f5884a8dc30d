/// The shared half of a TD: the direct root whose frames carry the shared bit, as TDX's exits and entries see it.
///
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c; the function is at each declaration.
extension TDPMMU {
  /// Whether an address of this VM leads to the mirror root: it has no shared bit and the VM has one.
  ///
  /// Source: `vt_is_tdx_private_gpa`.
  package func isPrivate(_ address: UInt64) -> Bool { directBits != 0 && address >> 12 & directBits == 0 }

  /// A vCPU's shared root is put where the hardware finds it: the shared bit is the highest that a root of this level has.
  ///
  /// Source: `tdx_load_mmu_pgd`.
  package mutating func loadShared(_ root: TableID) {
    let expected: UInt64 = tables[root].level == .page256T ? 1 << 39 : 1 << 35
    let bits = directBits
    if bits != expected { report(.sharedRootLevel, "root \(root.rawValue), shared bit \(bits) as a frame") }
  }

  /// An EPT violation of a TD as a fault; nil when the vCPU goes out with -EIO.
  ///
  /// Private memory faults are taken as writes, because nothing is mapped read-only there; shared memory is never
  /// executable for the guest, so that a fetch from it does not come to KVM.
  /// Source: `tdx_handle_ept_violation`.
  package mutating func violation(vcpu: Int, address: UInt64, qualification: UInt64) -> FaultRequest? {
    if isPrivate(address) {
      return FaultRequest(vcpu: vcpu, address: address, code: [.write, .private])
    }
    let code = FaultCode.qualification(qualification, version.violationCode)
    guard !code.contains(.fetch) else {
      report(.sharedFetch, "vCPU \(vcpu) fetches from shared address \(String(address, radix: 16))")
      return nil
    }
    return FaultRequest(vcpu: vcpu, address: address, code: code)
  }
}
