/// KVM_SET_MEMORY_ATTRIBUTES: frames become private, or shared again.
///
/// Mappings of the old kind go first, inside an invalidation; then the attributes are stored under no lock of the MMU's, while
/// faults on the range start over; then the invalidation ends. Room for what is stored was made before anything was zapped. The
/// caller holds slots_lock: no memslot comes or goes meanwhile. Frames without a memslot have nothing mapped and no invalidation.
/// Source: Linux 6.12, 6.16 and 7.3 virt/kvm/kvm_main.c, kvm_vm_set_mem_attributes; arch/x86/kvm/mmu/mmu.c,
/// kvm_arch_pre_set_memory_attributes.

/// `mem_attr_array`: which frames are private.
package struct MemoryAttributes: Hashable, Sendable {
  /// What an entry takes that is there: a frame without one is shared.
  private var entries: [UInt64: Bool] = [:]
  /// Whether the allocator has nothing left.
  package var isOutOfMemory = false

  package init() {}

  package func isPrivate(_ gfn: GFN) -> Bool { entries[gfn.rawValue] ?? false }

  /// Room for an entry; false without memory. Source: `xa_reserve`.
  package mutating func reserve(_ gfn: GFN) -> Bool {
    guard entries[gfn.rawValue] == nil else { return true }
    if isOutOfMemory { return false }
    entries[gfn.rawValue] = false
    return true
  }

  /// Gives an entry's room back. Source: `xa_release`.
  package mutating func release(_ gfn: GFN) { entries[gfn.rawValue] = nil }

  /// Writes an entry, or takes it away for a shared frame; false when there is neither room nor memory for it. Source: `xa_store`.
  package mutating func store(_ gfn: GFN, isPrivate: Bool) -> Bool {
    guard isPrivate else {
      release(gfn)
      return true
    }
    guard reserve(gfn) else { return false }
    entries[gfn.rawValue] = true
    return true
  }
}

package struct AttributeChange: Sendable {
  private enum Phase: Hashable, Sendable {
    case reserve
    case lock
    case zap
    case flush
    case unlock
    case store
    case relock
    case end
    case done
  }

  /// How the ioctl came out.
  package enum Result: Hashable, Sendable {
    case success
    case outOfMemory
  }

  package enum Kind: Hashable, Sendable {
    case `private`
    case shared
  }

  package let range: FrameRange
  package let kind: Kind
  /// The memslots that there are, INVALID ones too.
  private let slots: [FrameRange]
  /// `has_private_mem` of the VM.
  private let hasPrivateMemory: Bool
  private var phase = Phase.reserve
  private var walk: RootsWalk?
  package private(set) var result = Result.success

  package init(_ range: FrameRange, to kind: Kind, slots: [FrameRange], hasPrivateMemory: Bool) {
    self.range = range
    self.kind = kind
    self.slots = slots.filter { $0.overlaps(range) }
    self.hasPrivateMemory = hasPrivateMemory
  }

  /// Whether entries are being walked, inside of an RCU read section.
  package var isWalking: Bool { walk != nil }

  package mutating func step(_ mmu: inout TDPMMU, _ attributes: inout MemoryAttributes) -> MicroStep {
    switch phase {
    case .reserve: reserve(&attributes, mmu.version.attributeRoom)
    case .lock:
      guard mmu.lock.acquire(.write) else { return .blocked }
      begin(&mmu)
    case .zap: return zap(&mmu)
    case .flush:
      phase = .unlock
      return .flush(range)
    case .unlock:
      mmu.lock.release(.write)
      phase = .store
    case .store:
      for frame in range.start..<range.end where !attributes.store(GFN(frame), isPrivate: kind == .private) {
        mmu.report(.attributeNotStored, "frame \(frame)")
      }
      phase = slots.isEmpty ? .done : .relock
    case .relock:
      guard mmu.lock.acquire(.write) else { return .blocked }
      phase = .end
    case .end:
      mmu.endInvalidation()
      if mmu.isSlotsLockHeld == false { mmu.report(.attributesSlotsLock, "attributes change without slots_lock") }
      for slot in slots {
        if let part = slot.intersection(range) { mmu.mixed.update(part, in: slot, attributes) }
      }
      mmu.lock.release(.write)
      phase = .done
    case .done: return .finished
    }
    return .silent
  }

  /// What is so already needs no change; for the rest there is to be room.
  private mutating func reserve(_ attributes: inout MemoryAttributes, _ room: KernelVersion.AttributeRoom) {
    let frames = range.start..<range.end
    guard frames.contains(where: { attributes.isPrivate(GFN($0)) != (kind == .private) }) else {
      phase = .done
      return
    }
    if kind == .private || room == .forEveryChange {
      for frame in frames where !attributes.reserve(GFN(frame)) { result = .outOfMemory }
    }
    guard result == .success else {
      phase = .done
      return
    }
    phase = slots.isEmpty ? .store : .lock
  }

  /// Faults on the range start over from here on, and those on huge pages that are about to become mixed.
  ///
  /// Source: `kvm_pre_set_memory_attributes`, `kvm_arch_pre_set_memory_attributes`.
  private mutating func begin(_ mmu: inout TDPMMU) {
    mmu.beginInvalidation()
    for slot in slots {
      guard let part = slot.intersection(range) else { continue }
      mmu.addInvalidated(part)
      guard !mmu.has(.conversionNotWidened) else { continue }
      for huge in mmu.mixed.widened(part, in: slot) { mmu.addInvalidated(huge) }
    }
    phase = .unlock
    guard hasPrivateMemory else {
      mmu.report(.attributesWithoutPrivate, "frames \(range.start) to \(range.end)")
      return
    }
    guard !mmu.has(.conversionWithoutUnmap) else { return }
    walk = mmu.unmapping(mmu.rootTypes(mapping: kind == .private ? .shared : .private), range, locks: false)
    phase = .zap
  }

  private mutating func zap(_ mmu: inout TDPMMU) -> MicroStep {
    guard let step = walk?.step(&mmu) else { return .finished }
    guard case .finished = step else { return step }
    phase = walk?.needsFlush == true ? .flush : .unlock
    walk = nil
    return .silent
  }
}
