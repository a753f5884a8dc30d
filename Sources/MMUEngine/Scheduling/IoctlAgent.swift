/// The ioctl thread: memslots come and go, dirty logging is switched on and off, the log is read, frames become private or shared.
///
/// All of these hold slots_lock from their beginning to their end, so that one thread stands for as many as there may be.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_set_memslot, kvm_swap_active_memslots, kvm_get_dirty_log_protect,
/// kvm_vm_set_mem_attributes.
package struct IoctlAgent: Sendable {
  enum Phase: Hashable, Sendable {
    case idle
    /// `kvm_swap_active_memslots` waits for the notifier, then publishes this state.
    case publish(SlotChange)
    /// `synchronize_srcu`: agents that were inside a read section at the swap have to leave it.
    case synchronize(SlotChange, readers: Set<Int>)
    /// The generation of MMIO entries starts over: everything is zapped before the swap ends.
    case wrap(SlotChange)
    case fastZap
    case targetedZap
    case split
    case writeProtect
    case recover
    case harvest
    case protectHarvest
    case flush(then: Next)
    case convert
    /// KVM_SEV_SNP_LAUNCH_UPDATE.
    case populate(ImageStep)
    /// KVM_SEV_SNP_LAUNCH_FINISH.
    case endLaunch(LaunchEndStep)
    /// KVM_TDX_INIT_MEM_REGION, KVM_TDX_FINALIZE_VM.
    case build(BuildingStep)
    /// The slot is gone; its binding goes when no hole is being punched.
    case unbind
  }

  /// What a swap makes visible.
  enum SlotChange: Hashable, Sendable {
    case invalidate
    case remove
    case create
    case log(Bool)
  }

  /// What follows a flush.
  enum Next: Hashable, Sendable {
    case remove
    case arm
    case done
  }

  var phase = Phase.idle
  var slot = 0
  var zap: FastZap?
  var walk: RootsWalk?
  /// Frames of the log that was just read.
  var harvested: Set<UInt64> = []

  /// KVM_SET_MEMORY_ATTRIBUTES.
  var conversion: AttributeChange?
  /// How many of those have come to their end.
  package internal(set) var conversions = 0
  /// The frame of the page of the image that is being made.
  var imageFrame: UInt64 = 0
  /// What userspace converts next, because a guest meant it so.
  var request: (gfn: UInt64, kind: AttributeChange.Kind)?
  /// How many of those there were.
  package internal(set) var requests = 0

  var isWalking: Bool { zap != nil || walk != nil || conversion?.isWalking == true }
}

extension MMUHost {
  mutating func stepIoctl() {
    // Memslot calls and the reading of the log hold it from their beginning to their end.
    defer { mmu.isSlotsLockHeld = ioctl.phase != .idle && !isWithoutSlotsLock }
    switch ioctl.phase {
    case .idle: beginIoctl()
    case .publish(let change): publish(change)
    case .synchronize(let change, let readers): synchronize(change, readers)
    case .fastZap, .wrap: stepFastZap()
    case .targetedZap, .split, .writeProtect, .recover, .protectHarvest: stepIoctlWalk()
    case .harvest: harvest()
    case .flush(let next): if !awaitsExits { afterFlush(next) }
    case .convert: stepConversion()
    case .populate(let step): populate(step)
    case .endLaunch(let step): endLaunch(step)
    case .build(let step): build(step)
    case .unbind: unbind()
    }
  }

  private mutating func beginIoctl() {
    guard !isEnding, choices.below(8) == 0 else { return }
    if snp?.isLaunched == false, choices.below(4) > 0 { return beginImage() }
    if beginBuilding() { return }
    ioctl.slot = choices.below(2)
    let slot = ioctl.slot
    if features.contains(.privateMemory), choices.below(2) == 0 { return beginConversion() }
    guard slots[slot] == .present else {
      bind()
      return
    }
    switch hasFile(slot) ? 0 : choices.below(4) {
    case 0, 1:
      ioctl.phase = .publish(mmu.has(.slotNotInvalidated) ? .remove : .invalidate)
    case 2: ioctl.phase = isLogged[slot] ? .harvest : .publish(.log(true))
    default: ioctl.phase = isLogged[slot] ? .publish(.log(false)) : .publish(.log(true))
    }
  }

  /// The new set of memslots becomes visible, but only while no notifier is between its start and its end.
  private mutating func publish(_ change: IoctlAgent.SlotChange) {
    guard activeInvalidations == 0 else { return }
    mmu.beginSwap()
    slotEpoch += 1
    switch change {
    case .invalidate:
      slots[ioctl.slot] = .invalid
      forgetAccepted(Self.range(of: ioctl.slot))
    case .remove: slots[ioctl.slot] = .absent
    case .create:
      let range = Self.range(of: ioctl.slot)
      mmu.mixed.update(range, in: range, attributes)
      slots[ioctl.slot] = .present
    case .log(let isOn): isLogged[ioctl.slot] = isOn
    }
    if change == .remove { forgetLog() }
    // From here on nobody promises that writes show in the log.
    if change == .log(false) { disarm(all: true) }
    ioctl.phase = .synchronize(change, readers: mmu.has(.noSRCUWait) ? [] : memslotReaders)
  }

  private mutating func synchronize(_ change: IoctlAgent.SlotChange, _ readers: Set<Int>) {
    let left = readers.intersection(memslotReaders)
    guard left.isEmpty else {
      ioctl.phase = .synchronize(change, readers: left)
      return
    }
    guard mmu.has(.generationNotBumped) || !mmu.wrapsGeneration(adding: Self.addressSpaces) else {
      ioctl.zap = FastZap()
      ioctl.phase = .wrap(change)
      return
    }
    endSwap(change)
  }

  /// How many address spaces share the numbers of generations.
  private static let addressSpaces: UInt64 = 2

  private mutating func endSwap(_ change: IoctlAgent.SlotChange) {
    mmu.endSwap(adding: mmu.has(.generationNotBumped) ? 0 : Self.addressSpaces)
    switch change {
    case .invalidate: beginZap()
    case .remove: unbind()
    case .create: ioctl.phase = .idle
    case .log(true): begin(.split, .split, lock: .read, minimum: .page2M)
    case .log(false):
      let slot = ioctl.slot
      ioctl.walk = mmu.recovery(Self.range(of: slot), isDirtyTracked: isLogged[slot])
      ioctl.phase = ioctl.walk == nil ? .idle : .recover
    }
  }

  /// A new slot is bound to the file, if it is to have one: that takes the invalidate_lock. Source: `kvm_gmem_bind`.
  private mutating func bind() {
    if hasFile(ioctl.slot) {
      guard !notifier.isPunching else { return }
      isBound = true
    }
    ioctl.phase = .publish(.create)
  }

  /// The slot is freed. A hole punch that still knows it is waited for. Source: `kvm_free_memslot`, `kvm_gmem_unbind`.
  private mutating func unbind() {
    if hasFile(ioctl.slot) {
      guard !notifier.isPunching else {
        ioctl.phase = .unbind
        return
      }
      isBound = false
    }
    memory.release(Self.slots[ioctl.slot])
    ioctl.phase = .idle
  }

  /// A few frames, or all of a slot's, become private or shared; there need not be a slot.
  private mutating func beginConversion() {
    if let (gfn, kind) = ioctl.request {
      ioctl.request = nil
      return convert(FrameRange(start: gfn, end: gfn + 1), to: kind)
    }
    let first = Self.slots[ioctl.slot]
    var range = Self.range(of: ioctl.slot)
    if choices.below(4) > 0 {
      let start = first + UInt64(choices.below(Int(Self.pagesPerSlot)))
      range = FrameRange(start: start, end: start + 1 + UInt64(choices.below(8)))
    }
    convert(range, to: choices.below(2) == 0 ? .private : .shared)
  }

  private mutating func convert(_ range: FrameRange, to kind: AttributeChange.Kind) {
    let present = Self.slots.indices.filter { slots[$0] != .absent }.map(Self.range(of:))
    ioctl.conversion = AttributeChange(range, to: kind, slots: present, hasPrivateMemory: true)
    if kind == .shared { forgetAccepted(range) }
    ioctl.phase = .convert
  }

  private mutating func stepConversion() {
    if awaitsExits { return }
    guard let step = ioctl.conversion?.step(&mmu, &attributes) else { return }
    switch step {
    case .event(let event): record(2, .mmu(event))
    case .flush: requestFlush()
    case .finished:
      ioctl.conversion = nil
      ioctl.conversions += 1
      ioctl.phase = .idle
      checkMirror()
    case .silent, .blocked, .kick, .asks: return
    }
  }

  /// `kvm_arch_flush_shadow_memslot`: everything, or the slot's leaves, as the quirk says. A VM with private memory is of no
  /// type that has the quirk.
  private mutating func beginZap() {
    if mmu.has(.deletionWithoutZap) {
      ioctl.phase = .publish(.remove)
    } else if !features.contains(.privateMemory), choices.below(2) == 0 {
      ioctl.zap = FastZap()
      ioctl.phase = .fastZap
    } else {
      ioctl.walk = mmu.unmapping(.all, Self.range(of: ioctl.slot))
      ioctl.phase = .targetedZap
    }
  }

  private mutating func begin(
    _ phase: IoctlAgent.Phase, _ action: TableWalk.Action, lock: MMULockMode, minimum: Level
  ) {
    ioctl.walk = RootsWalk(action, .valid, Self.range(of: ioctl.slot), lock: lock, minimum: minimum)
    ioctl.phase = phase
  }

  /// One micro-step of the fast zap; entries of removed tables that were empty anyway are frozen in one go.
  private mutating func stepFastZap() {
    if awaitsExits { return }
    while let step = ioctl.zap?.step(&mmu) {
      if case .event(let event) = step { record(2, .mmu(event)) }
      switch step {
      case .event(.spteChanged(_, _, _, old: .nonpresent, new: mmu.version.frozen)): continue
      case .kick: requestReload()
      case .finished:
        ioctl.zap = nil
        checkInvalidRoots()
        if case .wrap(let change) = ioctl.phase { return endSwap(change) }
        ioctl.phase = .publish(.remove)
      case .silent, .event, .flush, .blocked, .asks: break
      }
      return
    }
  }

  /// When the fast zap returns, the invalid roots hold nothing any more: the slot is about to be freed.
  private mutating func checkInvalidRoots() {
    for root in mmu.roots(.all) where mmu.tables[root].isInvalid && mmu.containsPresent(root) {
      mmu.report(.mappingLeft, "root \(root.rawValue) is invalid and not empty")
    }
  }

  private mutating func stepIoctlWalk() {
    if awaitsExits { return }
    guard let step = ioctl.walk?.step(&mmu) else { return }
    if case .event(let event) = step { record(2, .mmu(event)) }
    switch step {
    case .asks:
      let first = Self.slots[ioctl.slot]
      let isHuge = memory.isHuge(first) && !mmu.mixed.contains(GFN(first), .page2M)
      ioctl.walk?.answer(isHugePossible: isHuge)
    case .flush: requestFlush()
    case .finished: finishIoctlWalk()
    case .silent, .event, .blocked, .kick: return
    }
  }

  private mutating func finishIoctlWalk() {
    let needsFlush = ioctl.walk?.needsFlush ?? false
    ioctl.walk = nil
    switch ioctl.phase {
    case .targetedZap:
      if needsFlush { requestFlush() }
      ioctl.phase = .flush(then: .remove)
    case .split: begin(.writeProtect, .writeProtect, lock: .read, minimum: .page4K)
    case .writeProtect, .protectHarvest:
      if !mmu.has(.writeProtectWithoutFlush) { requestFlush() }
      ioctl.phase = .flush(then: .arm)
    case .recover: ioctl.phase = .flush(then: .done)
    case .idle, .publish, .synchronize, .wrap, .fastZap, .harvest, .flush, .convert, .populate, .endLaunch, .build,
      .unbind:
      ioctl.phase = .idle
    }
  }

  /// The bitmap is taken and cleared; then the pages are protected again.
  private mutating func harvest() {
    let range = Self.range(of: ioctl.slot)
    ioctl.harvested = dirty.filter { range.contains(GFN($0)) }
    dirty.subtract(ioctl.harvested)
    armed.subtract(ioctl.harvested)
    if mmu.has(.logClearedUnprotected) || ioctl.harvested.isEmpty {
      ioctl.phase = .flush(then: .arm)
    } else {
      begin(.protectHarvest, .writeProtect, lock: .read, minimum: .page4K)
    }
  }

  private mutating func afterFlush(_ next: IoctlAgent.Next) {
    switch next {
    case .remove: ioctl.phase = .publish(.remove)
    case .arm:
      let first = Self.slots[ioctl.slot]
      armed.formUnion(first..<first + Self.pagesPerSlot)
      ioctl.phase = .idle
    case .done: ioctl.phase = .idle
    }
  }

  /// A slot that is gone has no log.
  private mutating func forgetLog() {
    isLogged[ioctl.slot] = false
    disarm(all: true)
  }

  private mutating func disarm(all: Bool) {
    let range = Self.range(of: ioctl.slot)
    armed = armed.filter { !range.contains(GFN($0)) }
    if all { dirty = dirty.filter { !range.contains(GFN($0)) } }
  }
}
