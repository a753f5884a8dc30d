/// KVM_SET_MEMORY_ATTRIBUTES: frames become private, or shared again.
///
/// Mappings of the old kind go first, inside an invalidation; then the attributes are stored under no lock of the MMU's, while
/// faults on the range start over; then the invalidation ends. Room for what is stored was made before anything was zapped.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_set_mem_attributes; arch/x86/kvm/mmu/mmu.c,
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

  /// Writes an entry; false when there is neither room nor memory for it. Source: `xa_store`.
  package mutating func store(_ gfn: GFN, isPrivate: Bool) -> Bool {
    guard reserve(gfn) else { return false }
    entries[gfn.rawValue] = isPrivate
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
  /// `has_private_mem` of the VM.
  private let hasPrivateMemory: Bool
  private var phase = Phase.reserve
  private var walk: RootsWalk?
  package private(set) var result = Result.success

  package init(_ range: FrameRange, to kind: Kind, hasPrivateMemory: Bool) {
    self.range = range
    self.kind = kind
    self.hasPrivateMemory = hasPrivateMemory
  }

  package mutating func step(_ mmu: inout TDPMMU, _ attributes: inout MemoryAttributes) -> MicroStep {
    switch phase {
    case .reserve:
      for frame in range.start..<range.end where !attributes.reserve(GFN(frame)) { result = .outOfMemory }
      phase = result == .success ? .lock : .done
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
      phase = .relock
    case .relock:
      guard mmu.lock.acquire(.write) else { return .blocked }
      phase = .end
    case .end:
      mmu.endInvalidation()
      mmu.lock.release(.write)
      phase = .done
    case .done: return .finished
    }
    return .silent
  }

  /// Faults on the range start over from here on. Source: `kvm_pre_set_memory_attributes`.
  private mutating func begin(_ mmu: inout TDPMMU) {
    mmu.beginInvalidation()
    mmu.addInvalidated(range)
    phase = .unlock
    guard hasPrivateMemory else {
      mmu.report(.attributesWithoutPrivate, "frames \(range.start) to \(range.end)")
      return
    }
    // With one tree for both kinds everything in the range goes.
    let types: RootTypes = mmu.directBits == 0 || kind == .private ? [.invalid, .direct] : [.invalid, .mirror]
    walk = mmu.unmapping(types, range, locks: false)
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
