/// The launch of an SNP guest: pages of its image, and the end of the launch with the vCPUs' VMSAs.
///
/// KVM_SEV_SNP_LAUNCH_UPDATE holds slots_lock and the file's invalidate_lock, so it excludes everything that the ioctl thread does
/// otherwise, and holes. The host writes the contents while the page is its own; RMPUPDATE makes it immutable; the firmware
/// measures it and makes it the guest's, valid. A page that the firmware refuses is immutable and has to be reclaimed before it
/// can be updated; it stays in the file, not prepared, and userspace may try it again: a CPUID page with what the firmware has written
/// there. KVM_SEV_SNP_LAUNCH_FINISH measures each vCPU's VMSA first, without those locks; one that was refused is tried again by the
/// next call, but a vCPU that was measured before makes the call fail (-EINVAL), so that such a VM never runs. Nothing is mapped here:
/// the guest faults for its image as for any page of the file.
/// Abstraction: one page for each call; the firmware refuses now and then, and the first CPUID page always.
/// Source: Linux 6.12, 6.16 and 7.3 arch/x86/kvm/svm/sev.c, snp_launch_update, sev_gmem_post_populate, snp_launch_finish.

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

/// How far the launch's end is; each vCPU in turn, then the firmware's command.
enum LaunchEndStep: Hashable, Sendable {
  case update(vcpu: Int)
  case measure(vcpu: Int)
  /// After a refusal; the call fails.
  case reclaim(vcpu: Int)
  case finish
}

extension MMUHost {
  /// Whether the file's invalidate_lock is held by the making of the image.
  var isFileLocked: Bool {
    if isImageLocked { return true }
    guard case .populate(let step) = ioctl.phase, snp?.has(.imageBesideHole) != true else { return false }
    return step != .lock
  }

  /// Whether the ioctl thread goes without slots_lock: by mistake, or because the call does not take it.
  var isWithoutSlotsLock: Bool {
    switch ioctl.phase {
    case .populate: snp?.has(.imageWithoutSlotsLock) == true
    case .endLaunch: true
    case .idle, .publish, .synchronize, .wrap, .fastZap, .targetedZap, .split, .writeProtect, .recover, .harvest,
      .protectHarvest, .flush, .convert, .build, .unbind:
      false
    }
  }

  /// A page for the image, or now and then the end of the launch.
  mutating func beginImage() {
    if choices.below(8) == 0 { return ioctl.phase = .endLaunch(.update(vcpu: 0)) }
    // The first frame, the CPUID page's, comes more often than the others: it takes two tries.
    ioctl.imageFrame = Self.slots[1] + UInt64(choices.below(3) == 0 ? 0 : choices.below(8))
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
      if snp?.has(.imageNotReclaimed) != true, snp?.host.takeBack(page) != true {
        mmu.report(.freedAssigned, "page \(page.rawValue) of the image")
      }
      ioctl.phase = .idle
    }
  }

  /// A slot, a private frame, and a page that nobody has: else the call ends. Source: `kvm_gmem_populate`, `sev_gmem_post_populate`.
  ///
  /// Before the launch's end a page of the file is the guest's exactly when it is prepared, so that kernels that ask for either agree.
  private mutating func beginPopulation() {
    guard !notifier.isPunching || snp?.has(.imageBesideHole) == true else { return }
    let gfn = ioctl.imageFrame
    mmu.beginPopulation(of: GFN(gfn))
    guard slots[1] == .present, attributes.isPrivate(GFN(gfn)) else { return ioctl.phase = .idle }
    let page = memory.touchPrivate(gfn).frame
    do { try snp?.host.checkUnassigned(page) } catch { return ioctl.phase = .idle }
    ioctl.phase = .populate(snp?.has(.imageCopiedLate) == true ? .update(page) : .copy(page))
  }

  private mutating func updateImage(_ page: PFN) {
    if memory.freed.contains(page) { mmu.report(.freedAssigned, "page \(page.rawValue) of the image is gone") }
    do { try snp?.host.makeImmutable(page, GFN(ioctl.imageFrame), SNPGuest.asid) } catch { return ioctl.phase = .idle }
    ioctl.phase = .populate(snp?.has(.imageCopiedLate) == true ? .copy(page) : .measure(page))
  }

  private mutating func measure(_ page: PFN) {
    let isMeasured = choices.below(4) > 0 && snp?.measure(page, ioctl.imageFrame) == true
    if !isMeasured { snp?.refuse(ioctl.imageFrame) }
    ioctl.phase = isMeasured ? .idle : .populate(.reclaim(page))
  }

  /// A micro-step of KVM_SEV_SNP_LAUNCH_FINISH. Source: `snp_launch_finish`, `snp_launch_update_vmsa`.
  mutating func endLaunch(_ step: LaunchEndStep) {
    ioctl.phase = .idle
    switch step {
    case .update(let vcpu):
      if snp?.has(.vmsaNotMeasured) == true { return ioctl.phase = .endLaunch(.finish) }
      if snp?.makeVMSAImmutable(vcpu) == true { ioctl.phase = .endLaunch(.measure(vcpu: vcpu)) }
    case .measure(let vcpu):
      guard choices.below(8) > 0, snp?.measureVMSA(vcpu) == true else {
        snp?.count(.vmsaRefused)
        return ioctl.phase = .endLaunch(.reclaim(vcpu: vcpu))
      }
      ioctl.phase = .endLaunch(vcpu + 1 < SNPGuest.vmsas.count ? .update(vcpu: vcpu + 1) : .finish)
    case .reclaim(let vcpu):
      if snp?.has(.vmsaNotReclaimed) != true { _ = snp?.host.takeBack(SNPGuest.vmsas[vcpu]) }
    case .finish: if snp?.finishLaunch() != true { mmu.report(.setUpRefused, "the launch does not end") }
    }
  }
}

extension SNPGuest {
  /// The first frame of the slot is the CPUID page, whose first contents are not what the firmware takes.
  private func type(of gfn: UInt64) -> LaunchPageType { gfn == MMUHost.slots[1] ? .cpuid : .normal }

  /// SNP_LAUNCH_UPDATE: the guest has the page, and need not validate it.
  mutating func measure(_ page: PFN, _ gfn: UInt64) -> Bool {
    let type = type(of: gfn)
    do { try host.measure(Self.context, page, as: type, contents: isCPUIDCorrected ? .accepted : .corrected) } catch {
      if error == .invalidParameter { isCPUIDCorrected = true }
      return false
    }
    validated[gfn] = page
    count(.measured)
    if type == .cpuid { count(.cpuidTakenCorrected) }
    if refused.remove(gfn) != nil { count(.imageTakenLater) }
    return true
  }

  /// The firmware has refused a page of the image.
  mutating func refuse(_ gfn: UInt64) {
    refused.insert(gfn)
    count(.imageRefused)
  }

  /// Whether a vCPU that was not measured before has its VMSA PRE_GUEST now.
  mutating func makeVMSAImmutable(_ vcpu: Int) -> Bool {
    guard !protected.contains(vcpu) else { return false }
    do { try host.makeImmutable(Self.vmsas[vcpu], SNPHost.vmsaFrame, Self.asid) } catch { return false }
    return true
  }

  /// The firmware's turn: the VMSA is the guest's, and KVM has no say in the vCPU's registers any more.
  mutating func measureVMSA(_ vcpu: Int) -> Bool {
    do { try host.measure(Self.context, Self.vmsas[vcpu], as: .vmsa) } catch { return false }
    protected.insert(vcpu)
    count(.vmsaMeasured)
    return true
  }

  /// SNP_LAUNCH_FINISH; from here on vCPUs run. False when the firmware refuses.
  mutating func finishLaunch() -> Bool {
    do { try host.firmware.finishLaunch(Self.context) } catch { return false }
    return true
  }

  /// Whether vCPUs may run.
  package var isLaunched: Bool { host.firmware.guests[Self.context]?.state == .running }
}
