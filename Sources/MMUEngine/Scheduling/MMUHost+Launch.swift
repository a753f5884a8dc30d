/// The launch of an SNP guest: pages of its image, and the end of the launch.
///
/// KVM_SEV_SNP_LAUNCH_UPDATE holds slots_lock and the file's invalidate_lock, so it excludes everything that the ioctl thread does
/// otherwise, and holes. The host writes the contents while the page is its own; RMPUPDATE makes it immutable; the firmware
/// measures it and makes it the guest's, valid. A page that the firmware refuses is immutable and has to be reclaimed before it
/// can be updated. Nothing is mapped here: the guest faults for its image as for any page of the file.
/// Abstraction: one page for each call; the firmware refuses now and then, as it does a CPUID page.
/// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, snp_launch_update, sev_gmem_post_populate, snp_launch_finish.

/// How far a page of the image is.
enum ImageStep: Hashable, Sendable {
  /// slots_lock is held; the file's invalidate_lock comes next, and the page.
  case lock
  case copy(PFN)
  case update(PFN)
  case measure(PFN)
  /// After a refusal.
  case reclaim(PFN)
}

extension MMUHost {
  /// Whether the file's invalidate_lock is held by the making of the image.
  var isFileLocked: Bool {
    guard case .populate(let step) = ioctl.phase, snp?.has(.imageBesideHole) != true else { return false }
    return step != .lock
  }

  /// Whether the ioctl thread goes without slots_lock, by mistake.
  var isWithoutSlotsLock: Bool {
    guard case .populate = ioctl.phase else { return false }
    return snp?.has(.imageWithoutSlotsLock) == true
  }

  /// A page for the image, or now and then the end of the launch.
  mutating func beginImage() {
    if choices.below(8) == 0 {
      if snp?.finishLaunch() != true { mmu.report(.stuck, "the launch does not end") }
      return
    }
    ioctl.imageFrame = Self.slots[1] + UInt64(choices.below(8))
    ioctl.phase = .populate(.lock)
  }

  mutating func populate(_ step: ImageStep) {
    switch step {
    case .lock: beginPopulation()
    case .copy(let page):
      if snp?.entry(page).isAssigned == true { mmu.report(.hostWrite, "page \(page.rawValue) of the image") }
      ioctl.phase = .populate(snp?.has(.imageCopiedLate) == true ? .measure(page) : .update(page))
    case .update(let page): updateImage(page)
    case .measure(let page): measure(page)
    case .reclaim(let page):
      if snp?.has(.imageNotReclaimed) != true, snp?.reclaimImage(page) != true {
        mmu.report(.freedAssigned, "page \(page.rawValue) of the image")
      }
      ioctl.phase = .idle
    }
  }

  /// A slot, a private frame, and no page of the file there yet: else the call ends. Source: `kvm_gmem_populate`.
  ///
  /// Abstraction: a page that is there counts as up to date, so that what the firmware refused and the host took back is not tried again; and
  /// the look at the RMP in `sev_gmem_post_populate` is left out, because a page that is new to the file belongs to nobody.
  private mutating func beginPopulation() {
    guard !notifier.isPunching || snp?.has(.imageBesideHole) == true else { return }
    let gfn = ioctl.imageFrame
    mmu.beginPopulation(of: GFN(gfn))
    guard slots[1] == .present, attributes.isPrivate(GFN(gfn)), memory.privatePage(gfn) == nil else {
      return ioctl.phase = .idle
    }
    let page = memory.touchPrivate(gfn).frame
    ioctl.phase = .populate(snp?.has(.imageCopiedLate) == true ? .update(page) : .copy(page))
  }

  private mutating func updateImage(_ page: PFN) {
    if memory.freed.contains(page) { mmu.report(.freedAssigned, "page \(page.rawValue) of the image is gone") }
    guard snp?.makeImmutable(page, GFN(ioctl.imageFrame)) == true else { return ioctl.phase = .idle }
    ioctl.phase = .populate(snp?.has(.imageCopiedLate) == true ? .copy(page) : .measure(page))
  }

  private mutating func measure(_ page: PFN) {
    let isMeasured = choices.below(4) > 0 && snp?.measure(page, GFN(ioctl.imageFrame)) == true
    if !isMeasured { snp?.count(.imageRefused) }
    ioctl.phase = isMeasured ? .idle : .populate(.reclaim(page))
  }
}

extension SNPGuest {
  /// PRE_GUEST. Source: `rmp_make_private` with the immutable bit.
  mutating func makeImmutable(_ page: PFN, _ gfn: GFN) -> Bool {
    do { try host.firmware.rmp.update(page, .guest(Self.asid, gfn, isImmutable: true)) } catch { return false }
    return true
  }

  /// SNP_LAUNCH_UPDATE: the guest has the page, and need not validate it.
  mutating func measure(_ page: PFN, _ gfn: GFN) -> Bool {
    do { try host.firmware.updateLaunch(Self.context, page) } catch { return false }
    validated[gfn.rawValue] = page
    count(.measured)
    return true
  }

  /// SNP_PAGE_RECLAIM, then RMPUPDATE: the page is the host's again, and the file's. Source: `snp_page_reclaim`.
  mutating func reclaimImage(_ page: PFN) -> Bool {
    do {
      try host.firmware.reclaim(page)
      try host.firmware.rmp.update(page, .shared())
    } catch { return false }
    return true
  }
}
