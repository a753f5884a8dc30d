/// A TD before its vCPUs may run: its initial image, and the end of its building.
///
/// INIT_MEM_REGION holds slots_lock and the file's invalidate_lock, so it excludes everything that the thread does otherwise, and
/// FINALIZE. FINALIZE holds slots_lock alone: a hole punch may be anywhere in its zap, and one that has passed the place of TRACK
/// then meets a module that wants tracking. That is what kernels do (README, findings); only `.buildingUnordered` lets it happen.
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_init_mem_region, tdx_gmem_post_populate, tdx_td_finalize.
extension TrustDomainHost {
  /// The agent's number.
  static let finalizer = 3

  /// Whether vCPUs may enter the guest (`TD_STATE_RUNNABLE`).
  package var isRunnable: Bool { mmu.secureEPT?.vm?.isRunnable ?? false }

  /// A page for the image: a slot, a private frame, and where the kernel asks for that, nothing of the image there yet.
  ///
  /// What was of the image and has been unmapped since, by a conversion, is added once more by the kernel that does not ask.
  mutating func beginImagePage() {
    guard slotState == .present, attributes.isPrivate(hole),
      mmu.version.preparedImagePage == .taken || !image.contains(hole)
    else { return }
    if file[hole] == nil { file[hole] = mmu.secureEPT?.allocatePrivatePage() }
    guard let page = file[hole] else { return }
    mmu.isSlotsLockHeld = true
    mmu.beginImagePage(hole, page)
    beginImageFault()
    phase = .populate
  }

  /// `kvm_tdp_map_page` on behalf of the first vCPU.
  private mutating func beginImageFault() {
    guard let request = mmu.violation(vcpu: 0, address: hole.rawValue << 12, qualification: 2) else { return }
    imageFault = PageFault(request, root: vcpus[0].mirrorRoot, direct: vcpus[0].root)
  }

  mutating func stepImagePage() {
    var cache = MMIOCache()
    switch imageFault?.step(&mmu, &cache) {
    case .asks?:
      guard imageFault?.question != .slot else {
        imageFault?.answer(isDirtyTracked: false)
        return
      }
      imageFault?.answer(file[hole].map { .page($0, isWritable: true, limit: .page4K) } ?? .exit)
    case .finished?:
      // A fault that has to start over does so at once: whoever was in its way holds none of this ioctl's locks.
      if imageFault?.result == .retry { return beginImageFault() }
      endImagePage(isMapped: imageFault?.result == .fixed)
    case .silent?, .event?, .flush?, .kick?, .blocked?: return
    case nil: endImagePage(isMapped: false)
    }
  }

  /// A page that is there already is not mapped anew: -EIO where the page is added in the install (`kvm_tdp_mmu_map_private_pfn`).
  private mutating func endImagePage(isMapped: Bool) {
    imageFault = nil
    if !isMapped, mmu.version.initialImage == .addedInInstall {
      mmu.secureEPT?.vm?.population = nil
      refusedImagePages += 1
    } else if mmu.secureEPT?.endImagePage() == .success {
      image.insert(hole)
      imagePages += 1
    }
    mmu.isSlotsLockHeld = false
    phase = .idle
    checkMirror()
  }

  /// FINALIZE: the module's state, then the kernel's. Refused while pages are premapped (6.16).
  mutating func stepFinalizer() {
    if mmu.secureEPT?.vm?.isFinalizing == true {
      attempt { (host) throws(Stop) in try host.finalizeKernel() }
      mmu.isSlotsLockHeld = false
      return
    }
    guard !isEnding, mmu.isSlotsLockHeld == false, choices.below(16) == 0 else { return }
    switch start {
    case .running: return
    case .building:
      guard phase != .walk, mmu.secureEPT?.vm?.job == nil else { return }
      _ = mmu.secureEPT?.finalize()
    case .buildingUnordered:
      attempt { (host) throws(Stop) in try host.finalizeModule() }
      mmu.isSlotsLockHeld = mmu.secureEPT?.vm?.isFinalizing == true
    }
  }
}
