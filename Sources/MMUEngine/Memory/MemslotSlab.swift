/// The allocator of `struct kvm_memory_slot`: objects that are freed, poisoned and handed out again.
///
/// An object is a few words, as in memory. A freed object is filled with poison and remembers the micro-steps that freed
/// it. Whoever writes an object afterwards, through a pointer that nobody cleared, is reported as `use-after-free` with
/// both stacks; the write takes place all the same. The caller says which free object an allocation gets, for the
/// allocator's choice is the environment's.
/// Source: Linux mm/slub.c; `struct kvm_memory_slot` in include/linux/kvm_host.h.

/// An object of the slab, by its place.
package struct MemslotID: Hashable, Comparable, Sendable {
  package let rawValue: Int

  package init(_ rawValue: Int) { self.rawValue = rawValue }

  package static func < (left: MemslotID, right: MemslotID) -> Bool { left.rawValue < right.rawValue }
}

/// A guest_memfd file, by the number that the scenario gives it.
package struct GuestMemfdID: Hashable, Comparable, Sendable {
  package let rawValue: Int

  package init(_ rawValue: Int) { self.rawValue = rawValue }

  package static func < (left: GuestMemfdID, right: GuestMemfdID) -> Bool { left.rawValue < right.rawValue }

  /// What a pointer to the file looks like in an object; 0 is NULL.
  var pointer: UInt64 { UInt64(rawValue) + 1 }
}

/// The words of a memslot that matter here.
package enum MemslotWord: Int, Hashable, Sendable, CaseIterable {
  /// `id`
  case id
  /// `flags`; `KVM_MEM_GUEST_MEMFD` is bit 2.
  case flags
  /// `gmem.file`
  case file
}

/// The objects.
package struct MemslotSlab: Hashable, Sendable {
  /// An object: its words, and who freed it if it is free.
  private struct Object: Hashable, Sendable {
    var words: [UInt64]
    /// The micro-steps that freed it; nil while it is allocated.
    var freed: MicroStepStack?
  }

  /// How many objects there are.
  package static let capacity = 16
  /// `KVM_MEM_GUEST_MEMFD`.
  package static let guestMemfdFlag: UInt64 = 1 << 2

  private var objects: [Object]
  /// What is going on now; the operations push and pop.
  package var steps = MicroStepStack()
  /// The engine checks that fired and were not yet collected.
  private var checks: [EngineCheck] = []

  /// A slab whose objects are all free.
  package init() {
    let words = [UInt64](repeating: PhysicalMemory.poison, count: MemslotWord.allCases.count)
    objects = Array(repeating: Object(words: words, freed: MicroStepStack()), count: Self.capacity)
  }

  /// Every object, in order.
  package static let all = (0..<capacity).map(MemslotID.init)

  /// Whether the object is allocated.
  package func isAllocated(_ object: MemslotID) -> Bool { objects[object.rawValue].freed == nil }

  /// Hands this very object out, cleared (`kzalloc`). Requires: it is free.
  package mutating func allocate(_ object: MemslotID) {
    precondition(!isAllocated(object), "memslot handed out that is not free")
    objects[object.rawValue] = Object(
      words: [UInt64](repeating: 0, count: MemslotWord.allCases.count), freed: nil)
  }

  /// Frees and poisons an object (`kvm_free_memslot`). Requires: it is allocated.
  package mutating func free(_ object: MemslotID) {
    precondition(isAllocated(object), "memslot freed twice")
    objects[object.rawValue] = Object(
      words: [UInt64](repeating: PhysicalMemory.poison, count: MemslotWord.allCases.count), freed: steps)
  }

  /// Reads a word. Kernel code reads allocated objects only; observables read any.
  package func read(_ object: MemslotID, _ word: MemslotWord) -> UInt64 {
    objects[object.rawValue].words[word.rawValue]
  }

  /// Writes a word through a pointer; reports `use-after-free` if the object behind it is free.
  package mutating func write(_ object: MemslotID, _ word: MemslotWord, _ value: UInt64) {
    if let freed = objects[object.rawValue].freed {
      report(
        "use-after-free", "memslot object \(object.rawValue): \(word) written by [\(steps)], freed by [\(freed)]")
    }
    objects[object.rawValue].words[word.rawValue] = value
  }

  /// Records that a check of the engine fired.
  package mutating func report(_ name: String, _ detail: String) { checks.append(EngineCheck(name, detail)) }

  /// Takes the checks that have fired since the last call.
  package mutating func collectChecks() -> [EngineCheck] {
    defer { checks = [] }
    return checks
  }
}
