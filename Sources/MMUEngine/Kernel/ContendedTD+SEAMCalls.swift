/// The SEAMCALLs of the ioctls as two steps each, on the module itself, and what the kernel makes of a refusal.
extension ContendedTD {
  /// First half of the thread's next SEAMCALL: the module's checks and its locks, which are tried once.
  ///
  /// Other threads' calls hold the TDR: PAGE.ADD, MR.EXTEND, MR.FINALIZE and VP.INIT of version 1 exclusively, VP.CREATE shared.
  /// Source: TDX module 1.5.01, sharex locks; Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_vcpu_init, tdx_gmem_post_populate.
  package mutating func beginCall(_ thread: Int) throws(NotNow) -> Outcome {
    guard threads[thread].call == nil, [.firstCall, .secondCall].contains(threads[thread].step) else {
      throw instead(thread)
    }
    let page = donatedPage(thread)
    let call = nextCall(thread, page)
    let others = threads.compactMap(\.call)
    do { try platform.begin(call, on: LPID(thread)) } catch {
      // A page that the module has not taken goes back; a TDVPR that it has taken is kept for the VM's destruction.
      if let page { platform.memory.free(page) }
      threads[thread].step = stepAfterRefusal(error.code, of: thread)
      return Outcome(error.code.name, checks: platform.memory.collectChecks())
    }
    if threads[thread].ioctl == .initVCPU, let page, let vcpu = threads[thread].vcpu { vcpus[vcpu].tdvpr = page }
    threads[thread].call = call
    return Outcome("SUCCESS", checks: platform.memory.collectChecks() + damage(of: call, beside: others))
  }

  /// Second half: the effects, and what the kernel notes of them.
  ///
  /// Source: TDX Module ABI spec; Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_vcpu_init, tdx_td_finalize.
  package mutating func endCall(_ thread: Int) throws(NotNow) -> Outcome {
    guard let call = threads[thread].call else { throw instead(thread) }
    do { try platform.end(on: LPID(thread)) } catch {
      preconditionFailure("\(call.name) is no call that fails at its end: \(error.code.name)")
    }
    if threads[thread].ioctl == .finalize { isRunnable = true }
    if case .initializeVCPU = call, let vcpu = threads[thread].vcpu { vcpus[vcpu].phase = .initialized }
    threads[thread].step = threads[thread].step == .firstCall ? .secondCall : .unlock
    threads[thread].call = nil
    return Outcome("SUCCESS", checks: platform.memory.collectChecks())
  }

  /// The KVM_BUG_ON after a refusal that the kernel takes to be impossible; the VM is dead from here on.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_vcpu_init.
  package mutating func hitBug(_ thread: Int) throws(NotNow) -> Outcome {
    try require(.bug, of: thread)
    isBugged = true
    threads[thread].step = .unlock
    let vcpu = threads[thread].vcpu.map { "vCPU \($0)" } ?? "the VM"
    return Outcome(
      "KVM_BUG_ON", checks: [EngineCheck("KVM_BUG_ON", "a SEAMCALL of thread \(thread) for \(vcpu) was refused")])
  }

  /// The page that the next SEAMCALL gives to the TD: a TDVPR or a page of the image.
  private mutating func donatedPage(_ thread: Int) -> PFN? {
    guard threads[thread].step == .firstCall else { return nil }
    return threads[thread].ioctl == .initVCPU
      ? platform.memory.allocate(.control, for: "TDVPR") : platform.memory.allocate(.pool, for: "gmem")
  }

  /// The thread's next SEAMCALL: VP.CREATE and VP.INIT, PAGE.ADD and MR.EXTEND, or MR.FINALIZE.
  ///
  /// Requires: `page` is there if this is the ioctl's first of two calls.
  private func nextCall(_ thread: Int, _ page: PFN?) -> SEAMCall {
    let state = threads[thread]
    if let gfn = state.gfn {
      let info = PageInfo(gfn, .page4K)
      guard let page else { return .extendMeasurement(info, tdr: tdr.address) }
      return .addPage(info, tdr: tdr.address, page: page.address, source: HPA(0))
    }
    if let page { return .createVCPU(page.address, tdr: tdr.address) }
    if let tdvpr = state.vcpu.flatMap({ vcpus[$0].tdvpr }) { return .initializeVCPU(tdvpr.address, version: 1) }
    return .finalizeMeasurement(tdr: tdr.address)
  }

  /// What the ioctl does about a refusal: busy is -EBUSY, except for a vCPU's calls, which the kernel takes to succeed.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_vcpu_init, tdx_gmem_post_populate, tdx_td_finalize.
  private func stepAfterRefusal(_ code: TDXStatusCode, of thread: Int) -> IoctlStep {
    switch threads[thread].ioctl {
    case .initVCPU: .bug
    case .initMemRegion: code == .operandBusy || threads[thread].step == .secondCall ? .unlock : .bug
    case .none, .createVCPU, .finalize: .unlock
    }
  }

  /// What should not have begun: a call beside another one, a change of the TD's state beside a vCPU's creation.
  private func damage(of call: SEAMCall, beside others: [SEAMCall]) -> [EngineCheck] {
    var found: [EngineCheck] = []
    if !others.isEmpty {
      let names = others.map(\.name).joined(separator: ", ")
      found.append(EngineCheck("seamcalls-overlap", "\(call.name) began while \(names) was in flight"))
    }
    if case .finalizeMeasurement = call, isCreatingVCPU {
      let creating = vcpus.indices.filter { vcpus[$0].phase == .creating }
      found.append(EngineCheck("state-change-during-creation", "\(call.name) began; being created: vCPUs \(creating)"))
    }
    return found
  }
}
