/// Memslots and the guest_memfd files that are bound to them, through KVM_SET_USER_MEMORY_REGION2.
///
/// A slot id leads to an object of the slab; the object's `gmem.file` leads to the file, and the file's `bindings` lead
/// back to the object. The object holds no reference on the file, nor the file on the object: whoever frees an object has
/// to take it out of the bindings first (`kvm_gmem_unbind`), or the file's release writes to freed memory.
///
/// Every operation is one step: all of them hold slots_lock, the release of a file included, so none runs beside another.
/// Abstraction: a memslot covers its whole file, so a file has one binding at most; the inactive copy of a memslot,
/// addresses, sizes and moves are left out. `MOVE` takes the same way through the kernel as a change of flags.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_set_memory_region, kvm_commit_memory_region; virt/kvm/guest_memfd.c.

/// Why an ioctl about memslots did nothing.
package enum MemslotRefusal: String, Error, Hashable, Sendable, CaseIterable {
  case invalid = "-EINVAL"
  case badDescriptor = "-EBADF"
  /// The slot has no file, or one that is being closed.
  case noFile = "-EFAULT"
  /// The file knows another slot at this place.
  case otherSlot = "-EIO"
  /// The scenario asks for what neither userspace nor the allocator can do in this state.
  case wouldRefuse = "KVM_WOULD_REFUSE"
}

/// The slots of one VM and its guest_memfd files.
package struct GuestMemfdHost: Hashable, Sendable {
  package let policy: KernelPolicy
  /// `struct kvm_memory_slot` objects.
  package private(set) var slab = MemslotSlab()
  /// `id_to_memslot`: the object in use for each slot id.
  package private(set) var slots: [Int: MemslotID] = [:]
  /// The open files with their `bindings`; nil: none.
  package var files: [GuestMemfdID: MemslotID?] = [:]

  package init(policy: KernelPolicy) { self.policy = policy }

  /// The object that an open file's bindings name.
  package func binding(of file: GuestMemfdID) -> MemslotID? { files[file] ?? nil }

  /// Whether an object's `gmem.file` names the file; poison names none.
  package func names(_ object: MemslotID, _ file: GuestMemfdID) -> Bool { slab.read(object, .file) == file.pointer }

  /// Runs an operation; `detail` is what the stacks of micro-steps call it.
  package mutating func make(
    _ detail: String, _ body: (inout GuestMemfdHost) throws(MemslotRefusal) -> Void
  ) -> Outcome {
    slab.steps.names = [detail]
    var status = "SUCCESS"
    do { try body(&self) } catch { status = error.rawValue }
    slab.steps.names = []
    return Outcome(status, checks: slab.collectChecks())
  }

  /// KVM_CREATE_GUEST_MEMFD. Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_create.
  package mutating func createFile(_ file: GuestMemfdID) throws(MemslotRefusal) {
    guard files[file] == nil else { throw .wouldRefuse }
    files[file] = .some(nil)
  }

  /// The last reference to the file goes: every bound memslot forgets the file, then the bindings are destroyed.
  ///
  /// It looks at no slot id: it trusts that the bindings name memslots in use.
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_release.
  package mutating func closeFile(_ file: GuestMemfdID) throws(MemslotRefusal) {
    guard let binding = files[file] else { throw .badDescriptor }
    if let binding { within("kvm_gmem_release") { host in host.slab.write(binding, .file, 0) } }
    files[file] = nil
  }

  /// A new memslot on a file: kvm_gmem_bind, then the slot is installed.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_set_memory_region (KVM_MR_CREATE); virt/kvm/guest_memfd.c, kvm_gmem_bind.
  package mutating func createSlot(
    _ slot: Int, as object: MemslotID, on file: GuestMemfdID
  ) throws(MemslotRefusal) {
    // An existing slot id with KVM_MEM_GUEST_MEMFD in the new flags: private memslots are immutable.
    guard slots[slot] == nil else { throw .invalid }
    guard !slab.isAllocated(object) else { throw .wouldRefuse }
    guard let bound = files[file] else { throw .badDescriptor }
    guard bound == nil else { throw .invalid }
    install(object, in: slot, flags: MemslotSlab.guestMemfdFlag)
    slab.write(object, .file, file.pointer)
    files[file] = .some(object)
  }

  /// The page behind a private frame of a slot: slot and file must name each other.
  ///
  /// Who interferes: the file's release, which makes the slot forget it. A file that knows another slot here was bound to
  /// two at once, which nothing may do: that, and not a slot that the file has forgotten, is asserted.
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_get_pfn, __kvm_gmem_get_pfn.
  package mutating func resolvePage(of slot: Int) throws(MemslotRefusal) {
    guard let object = slots[slot] else { throw .wouldRefuse }
    guard let file = files.keys.sorted().first(where: { names(object, $0) }) else { throw .noFile }
    guard binding(of: file) != object else { return }
    if let other = binding(of: file) {
      let check = KernelAssertion.bindingMismatch.check(
        "guest_memfd \(file.rawValue) of memslot object \(object.rawValue) names object \(other.rawValue)")
      slab.report(check.name, check.detail)
    }
    throw .otherSlot
  }

  /// A new memslot without a file. Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_set_memory_region (KVM_MR_CREATE).
  package mutating func createPlainSlot(_ slot: Int, as object: MemslotID) throws(MemslotRefusal) {
    guard slots[slot] == nil, !slab.isAllocated(object) else { throw .wouldRefuse }
    install(object, in: slot, flags: 0)
  }

  /// Memory size 0: the slot goes, and kvm_free_memslot unbinds it.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_delete_memslot, kvm_free_memslot.
  package mutating func deleteSlot(_ slot: Int) throws(MemslotRefusal) {
    guard let object = slots[slot] else { throw .invalid }
    slots[slot] = nil
    within("kvm_free_memslot") { host in
      host.unbind(object)
      host.free(object)
    }
  }

  /// Other flags, KVM_MEM_GUEST_MEMFD as before: private memslots are immutable, plain ones get a new object.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_set_memory_region (KVM_MR_FLAGS_ONLY).
  package mutating func changeFlags(_ slot: Int, to object: MemslotID) throws(MemslotRefusal) {
    guard let old = slots[slot] else { throw .wouldRefuse }
    guard !hasGuestMemfd(old) else { throw .invalid }
    guard !slab.isAllocated(object) else { throw .wouldRefuse }
    replace(old, by: object, in: slot)
  }

  /// The flag KVM_MEM_GUEST_MEMFD is cleared: refused, unless only the new flags are looked at.
  ///
  /// Source: Linux 6.19 virt/kvm/kvm_main.c, kvm_set_memory_region since 9935df5333aa (bug GMEM-TOGGLE before).
  package mutating func clearGuestMemfd(_ slot: Int, to object: MemslotID) throws(MemslotRefusal) {
    guard let old = slots[slot], hasGuestMemfd(old) else { throw .wouldRefuse }
    guard policy.has(.gmemToggle) else { throw .invalid }
    guard !slab.isAllocated(object) else { throw .wouldRefuse }
    replace(old, by: object, in: slot)
  }

  /// Whether an object has KVM_MEM_GUEST_MEMFD. Requires: it is allocated.
  private func hasGuestMemfd(_ object: MemslotID) -> Bool {
    slab.read(object, .flags) & MemslotSlab.guestMemfdFlag != 0
  }

  /// Allocates an object and puts it into the slot id.
  private mutating func install(_ object: MemslotID, in slot: Int, flags: UInt64) {
    slab.allocate(object)
    slab.write(object, .id, UInt64(slot))
    slab.write(object, .flags, flags)
    slots[slot] = object
  }

  /// The commit of a change of flags: the new object without a file is in use, the old one is freed.
  ///
  /// Nothing unbinds the old one, for it cannot be bound: that is the check that was missing. The hardening unbinds.
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_update_flags_memslot, kvm_commit_memory_region; hardening af62fe2494da.
  private mutating func replace(_ old: MemslotID, by new: MemslotID, in slot: Int) {
    install(new, in: slot, flags: 0)
    within("kvm_commit_memory_region") { host in
      if host.policy.has(.gmemUnbindOld) { host.unbind(old) }
      host.free(old)
    }
  }

  /// Takes an object out of its file's bindings; nothing if it has no file, or a file that has been closed.
  ///
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_unbind.
  private mutating func unbind(_ object: MemslotID) {
    for file in files.keys.sorted() where names(object, file) {
      files[file] = .some(nil)
      slab.write(object, .file, 0)
    }
  }

  /// Gives an object back, and reports when some file's bindings still name it.
  private mutating func free(_ object: MemslotID) {
    for file in files.keys.sorted() where binding(of: file) == object {
      slab.report(
        "memslot-freed-while-bound",
        "memslot object \(object.rawValue) freed by [\(slab.steps)], bound by guest_memfd \(file.rawValue)")
    }
    slab.free(object)
  }

  /// Runs a part of an operation under the name of the kernel function that it is.
  private mutating func within(_ function: String, _ body: (inout GuestMemfdHost) -> Void) {
    slab.steps.names.append(function)
    body(&self)
    slab.steps.names.removeLast()
  }

  /// The checks of this part, `use-after-free` excepted, which other parts have too.
  package static let checks: [EngineCheck] = [
    EngineCheck("memslot-freed-while-bound", "a memslot was freed while the bindings of an open guest_memfd name it")
  ]
}
