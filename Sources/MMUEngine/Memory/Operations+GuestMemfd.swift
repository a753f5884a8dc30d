/// The rows of the table of operations and of observables that are about memslots and guest_memfd.

extension Parameter {
  /// A guest_memfd file, from 0.
  fileprivate static let file = Parameter("file", .integer(of: "file"))
  /// A slot id.
  fileprivate static let slot = Parameter("slot", .integer(of: "slot"))
  /// The object that the allocator hands out for the new memslot.
  fileprivate static let memslot = Parameter("memslot", .integer(of: "memslot"))
}

/// What a row names, checked to exist.
private struct MemslotArguments {
  /// The arguments after their check against the table.
  private let checked: CheckedArguments
  /// The operation with its arguments, for the stacks of micro-steps.
  let detail: String

  /// Throws: a caller's mistake; an object beyond the slab, a negative number.
  init(_ name: String, _ parameters: [Parameter], _ given: [String: Argument]) throws(OperationError) {
    checked = try CheckedArguments(name, parameters, given)
    for parameter in parameters {
      let value = checked.integer(parameter.name)
      let limit = parameter.name == "memslot" ? MemslotSlab.capacity : Int.max
      guard (0..<limit).contains(value) else { throw .noSuchObject("\(parameter.name) \(value)") }
    }
    let shown = parameters.map { "\($0.name)=\(given[$0.name]?.description ?? "")" }
    detail = ([name] + shown).joined(separator: " ")
  }

  var slot: Int { checked.integer("slot") }
  var file: GuestMemfdID { GuestMemfdID(checked.integer("file")) }
  var memslot: MemslotID { MemslotID(checked.integer("memslot")) }
}

extension Operation {
  /// A row that runs on the memslots.
  fileprivate static func memslot(
    _ name: String, _ parameters: [Parameter], _ refusals: [MemslotRefusal], _ summary: String, source: String,
    _ body: @escaping @Sendable (inout GuestMemfdHost, MemslotArguments) throws(MemslotRefusal) -> Void
  ) -> Operation {
    let statuses = ["SUCCESS"] + refusals.map(\.rawValue)
    return Operation(name, parameters, statuses: statuses, summary: summary, source: source) {
      (machine: inout Machine, given: [String: Argument]) throws(OperationError) -> Outcome in
      let arguments = try MemslotArguments(name, parameters, given)
      return machine.memslots.make(arguments.detail) { (host) throws(MemslotRefusal) in try body(&host, arguments) }
    }
  }
}

/// Every operation of this part.
let guestMemfdOperations: [Operation] = [
  .memslot(
    "gmem_create", [.file], [.wouldRefuse], "KVM_CREATE_GUEST_MEMFD",
    source: "Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_create"
  ) { (host, at) throws(MemslotRefusal) in try host.createFile(at.file) },
  .memslot(
    "gmem_close", [.file], [.badDescriptor], "the last reference to a guest_memfd goes",
    source: "Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_release"
  ) { (host, at) throws(MemslotRefusal) in try host.closeFile(at.file) },
  .memslot(
    "memslot_create", [.slot, .memslot, .file], [.invalid, .badDescriptor, .wouldRefuse],
    "KVM_SET_USER_MEMORY_REGION2 creates a memslot on a guest_memfd; memslot is the object that it gets",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_set_memory_region; virt/kvm/guest_memfd.c, kvm_gmem_bind"
  ) { (host, at) throws(MemslotRefusal) in try host.createSlot(at.slot, as: at.memslot, on: at.file) },
  .memslot(
    "memslot_create_plain", [.slot, .memslot], [.wouldRefuse],
    "KVM_SET_USER_MEMORY_REGION2 creates a memslot without guest_memfd",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_set_memory_region"
  ) { (host, at) throws(MemslotRefusal) in try host.createPlainSlot(at.slot, as: at.memslot) },
  .memslot(
    "memslot_delete", [.slot], [.invalid], "KVM_SET_USER_MEMORY_REGION2 deletes a memslot",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_delete_memslot, kvm_free_memslot"
  ) { (host, at) throws(MemslotRefusal) in try host.deleteSlot(at.slot) },
  .memslot(
    "memslot_flags", [.slot, .memslot], [.invalid, .wouldRefuse],
    "KVM_SET_USER_MEMORY_REGION2 changes flags other than KVM_MEM_GUEST_MEMFD; memslot is the new object",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_update_flags_memslot"
  ) { (host, at) throws(MemslotRefusal) in try host.changeFlags(at.slot, to: at.memslot) },
  .memslot(
    "gmem_get_pfn", [.slot], [.noFile, .otherSlot, .wouldRefuse], "a fault resolves a private page of a memslot",
    source: "Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_get_pfn"
  ) { (host, at) throws(MemslotRefusal) in try host.resolvePage(of: at.slot) },
  .memslot(
    "memslot_clear_guest_memfd", [.slot, .memslot], [.invalid, .wouldRefuse],
    "KVM_SET_USER_MEMORY_REGION2 names a guest_memfd memslot without the flag KVM_MEM_GUEST_MEMFD",
    source: "Linux 6.19 virt/kvm/kvm_main.c, kvm_set_memory_region, since 9935df5333aa"
  ) { (host, at) throws(MemslotRefusal) in try host.clearGuestMemfd(at.slot, to: at.memslot) },
]

extension Observable {
  /// A truth value of the memslots.
  fileprivate static func memslot(
    _ name: String, _ indices: [Parameter], _ summary: String,
    _ read: @escaping @Sendable (borrowing GuestMemfdHost, MemslotArguments) -> Bool
  ) -> Observable {
    Observable(name, indices: indices, value: .boolean, summary: summary) {
      (machine, given) throws(OperationError) in
      .boolean(read(machine.memslots, try MemslotArguments(name, indices, given)))
    }
  }
}

/// Every observable of this part.
let guestMemfdObservables: [Observable] = [
  .memslot("slot_object", [.slot, .memslot], "whether the object is the memslot in use for the slot id") { host, at in
    host.slots[at.slot] == at.memslot
  },
  .memslot("memslot_allocated", [.memslot], "whether the object is allocated") { host, at in
    host.slab.isAllocated(at.memslot)
  },
  .memslot("memslot_file", [.memslot, .file], "whether the object's gmem.file is this file") { host, at in
    host.names(at.memslot, at.file)
  },
  .memslot("gmem_binding", [.file, .memslot], "whether the bindings of the open file name the object") { host, at in
    host.binding(of: at.file) == at.memslot
  },
  .memslot("file_open", [.file], "whether the guest_memfd is open") { host, at in host.files[at.file] != nil },
]
