/// A TD that is still being built, in the machine with both halves of its memory: its initial image, and the end of its building.
///
/// KVM_TDX_INIT_MEM_REGION holds slots_lock and the file's invalidate_lock, which keeps memslot calls, conversions and holes away; the
/// notifier, which is about shared memory, goes on beside it. A page is mapped by a fault on behalf of the first vCPU, which does not run.
/// FINALIZE holds slots_lock alone. Abstraction: it waits for a hole punch; what it meets beside one is `TrustDomainHost`'s matter.
/// Source: Linux 6.16 and 7.3 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_init_mem_region, tdx_gmem_post_populate, tdx_td_finalize.

/// How far the building of a TD is.
package struct TrustDomainBuilding: Sendable {
  /// Where a schedule begins.
  package enum Start: Hashable, Sendable, CaseIterable {
    case running
    /// Before KVM_TDX_FINALIZE_VM.
    case building
  }

  /// The fault by which a page of the image is mapped.
  var fault: PageFault?
  /// Frames with pages that were added to the image and that the file has not lost since.
  var image: Set<UInt64> = []
  /// How many pages were added, and how many were not because they are there.
  package internal(set) var added = 0
  package internal(set) var refused = 0
}

/// A step of the ioctl thread on a TD that is being built.
enum BuildingStep: Hashable, Sendable {
  /// The file's invalidate_lock, then the vCPU's roots.
  case lock
  case map
  case finalize
}

extension MMUHost {
  /// Whether vCPUs of the TD may enter the guest (`TD_STATE_RUNNABLE`).
  package var isRunnable: Bool { mmu.secureEPT?.vm?.isRunnable ?? false }

  /// Whether the file's invalidate_lock is held for a page of the image.
  var isImageLocked: Bool { ioctl.phase == .build(.map) }

  /// A page of the image, or now and then the end; false when the thread does something else.
  mutating func beginBuilding() -> Bool {
    guard isTrustDomain, !isRunnable else { return false }
    if choices.below(8) == 0 {
      ioctl.phase = .build(.finalize)
    } else if choices.below(2) == 0 {
      ioctl.imageFrame = Self.slots[1] + UInt64(choices.below(8))
      ioctl.phase = .build(.lock)
    } else {
      return false
    }
    return true
  }

  mutating func build(_ step: BuildingStep) {
    switch step {
    case .lock: beginImagePage()
    case .map: stepImagePage()
    case .finalize: finalize()
    }
  }

  /// A slot, a private frame, and where the kernel asks for that, a page that is not of the image yet. Source: `kvm_gmem_populate`.
  private mutating func beginImagePage() {
    guard !notifier.isPunching else { return }
    let gfn = ioctl.imageFrame
    let isTaken = mmu.version.preparedImagePage == .refused && building.image.contains(gfn)
    guard slots[1] == .present, attributes.isPrivate(GFN(gfn)), !isTaken else { return ioctl.phase = .idle }
    guard mmu.lock.acquire(.read) else { return }
    loadMirror(0)
    mmu.lock.release(.read)
    if memory.privatePage(gfn) == nil, let frame = mmu.secureEPT?.allocatePrivatePage() {
      memory.insertPrivate(gfn, frame)
    }
    guard let page = memory.privatePage(gfn) else { return ioctl.phase = .idle }
    mmu.beginImagePage(GFN(gfn), page)
    beginImageFault()
    ioctl.phase = .build(.map)
  }

  /// `kvm_tdp_map_page`, `kvm_tdp_mmu_map_private_pfn`.
  private mutating func beginImageFault() {
    guard let root = vcpus[0].mirrorRoot,
      let request = mmu.violation(vcpu: 0, address: ioctl.imageFrame << 12, qualification: 2)
    else { return }
    building.fault = PageFault(request, root: root, direct: vcpus[0].root ?? root)
  }

  private mutating func stepImagePage() {
    var cache = MMIOCache()
    guard let step = building.fault?.step(&mmu, &cache) else { return endImagePage(.exit) }
    switch step {
    case .event(let event): record(2, .mmu(event))
    case .asks where building.fault?.question == .slot: building.fault?.answer(isDirtyTracked: false)
    case .asks:
      let page = memory.privatePage(ioctl.imageFrame).map { FaultPage.page($0, isWritable: true, limit: .page4K) }
      building.fault?.answer(page ?? .exit)
    case .finished:
      let result = building.fault?.result ?? .exit
      if result == .retry { beginImageFault() } else { endImagePage(result) }
    case .silent, .flush, .kick, .blocked: return
    }
  }

  /// Where a page is added in its install, one that is there already is not added (-EIO).
  private mutating func endImagePage(_ result: FaultResult) {
    building.fault = nil
    let gfn = ioctl.imageFrame
    if result != .fixed, mmu.version.initialImage == .addedInInstall {
      mmu.secureEPT?.vm?.population = nil
      building.refused += 1
    } else if mmu.secureEPT?.endImagePage() == .success {
      building.image.insert(gfn)
      building.added += 1
      accepted.insert(gfn)
    }
    ioctl.phase = .idle
    checkMirror()
  }

  /// KVM_TDX_FINALIZE_VM; refused while pages are premapped (6.16).
  private mutating func finalize() {
    guard !notifier.isPunching else { return }
    _ = mmu.secureEPT?.finalize()
    ioctl.phase = .idle
  }
}
