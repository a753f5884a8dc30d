import MMUEngine
import Testing

/// A VM that userspace can see, of a type, on a host.
struct VMSituation: Sendable {
  let type: VMType
  let vendor: String

  static let all: [VMSituation] = [
    VMSituation(type: .default, vendor: "INTEL"), VMSituation(type: .default, vendor: "AMD"),
    VMSituation(type: .swProtected, vendor: "INTEL"), VMSituation(type: .swProtected, vendor: "AMD"),
    VMSituation(type: .sev, vendor: "AMD"), VMSituation(type: .sevES, vendor: "AMD"),
    VMSituation(type: .snp, vendor: "AMD"), VMSituation(type: .tdx, vendor: "INTEL"),
  ]
}

/// An operation, what was done before it, what it answers in each situation of `VMSituation.all`, what success changes.
struct MatrixRow: CustomTestStringConvertible, Sendable {
  let call: String
  let setup: [String]
  let statuses: [String]
  let question: UserQuestion?
  let change: @Sendable (inout VirtualMachine, VMType) -> Void

  /// `statuses` has a letter for each situation, as `words` says.
  init(
    _ call: String, after setup: [String] = [], _ statuses: String, asks question: UserQuestion? = nil,
    change: @escaping @Sendable (inout VirtualMachine, VMType) -> Void = { _, _ in }
  ) {
    self.call = call
    self.setup = setup
    self.statuses = statuses.map { Self.words[$0] ?? "?" }
    self.question = question
    self.change = change
  }

  private static let words: [Character: String] = [
    "S": "SUCCESS", "E": "-EINVAL", "N": "-ENOTTY", "P": "-EPERM", "I": "-EIO", "X": "-EEXIST", "B": "-EBADF",
    "O": "-EOPNOTSUPP",
  ]

  var testDescription: String { "\(call) after \(setup)" }

  private static let initVM = "KVM_TDX_INIT_VM debug=false"
  private static let vcpu = "KVM_CREATE_VCPU vcpu=0"
  /// A vCPU that MR.FINALIZE counts.
  private static let ready = [vcpu, "KVM_TDX_INIT_VCPU vcpu=0"]
  private static let anyInit = ["KVM_SEV_INIT es=true", "KVM_SEV_INIT2"]
  private static let start = "KVM_SEV_LAUNCH_START"

  /// SEV's initialisation and launch.
  static let sev: [MatrixRow] = [
    MatrixRow("KVM_SEV_INIT es=false", "NSNEEEEN") { vm, _ in
      vm.sev.isActive = true
      vm.sev.initializations = 1
    },
    MatrixRow("KVM_SEV_INIT es=true", "NSNEEEEN") { vm, _ in
      vm.sev.isActive = true
      vm.sev.isESActive = true
      vm.sev.initializations = 1
    },
    MatrixRow("KVM_SEV_INIT es=false", after: [vcpu], "NENEEEEN"),
    MatrixRow("KVM_SEV_INIT es=false", after: ["KVM_SEV_INIT es=false"], "NENEEEEN"),
    MatrixRow("KVM_SEV_INIT2", "NENESSSN") { vm, type in
      vm.sev.isActive = true
      vm.sev.isESActive = type != .sev
      vm.sev.needsInit = false
      vm.sev.initializations = 1
      vm.sev.initializedByInit2 = true
    },
    MatrixRow("KVM_SEV_INIT2", after: ["KVM_SEV_INIT2"], "NENEEEEN"),
    MatrixRow("KVM_SEV_INIT2", after: [vcpu], "NENEEEEN"),
    MatrixRow(start, "NNNNNNNN"),
    MatrixRow(start, after: anyInit, "NSNNSSSN") { vm, _ in vm.sev.launch = .started },
    MatrixRow(start, after: anyInit + [start], "NENNEEEN"),
    MatrixRow("KVM_SEV_LAUNCH_UPDATE_VMSA", after: anyInit + [vcpu], "NENNNEPN"),
    MatrixRow("KVM_SEV_LAUNCH_UPDATE_VMSA", after: anyInit + [vcpu, start], "NSNNNSPN") { vm, _ in protect(&vm) },
    MatrixRow("KVM_SEV_LAUNCH_FINISH", "NNNNNNNN"),
    MatrixRow("KVM_SEV_LAUNCH_FINISH", after: anyInit, "NENNEEEN"),
    MatrixRow("KVM_SEV_LAUNCH_FINISH", after: anyInit + [vcpu, start], "NSNNSSSN") { vm, type in
      vm.sev.launch = .finished
      if type != .snp { return }
      protect(&vm)
      vm.flags.preFaultAllowed = true
    },
  ]

  /// The state of vCPU 0 becomes protected.
  private static func protect(_ vm: inout VirtualMachine) {
    vm.vcpus[0]?.isGuarded = true
    vm.vcpus[0]?.savedState = 0
    vm.vcpus[0]?.sealedState = 0
  }

  /// TDs, vCPUs, running, pre-faulting.
  static let vcpus: [MatrixRow] = [
    MatrixRow(initVM, "NNNNNNNS") { vm, _ in vm.tdState = .initialized },
    MatrixRow(initVM, after: [initVM], "NNNNNNNE"),
    MatrixRow(vcpu, "SSSSSSSI") { vm, _ in vm.vcpus[0] = VirtualCPU() },
    MatrixRow(vcpu, after: [initVM], "SSSSSSSS") { vm, type in
      vm.vcpus[0] = VirtualCPU()
      if type == .tdx { protect(&vm) }
    },
    MatrixRow(vcpu, after: ["KVM_TDX_INIT_VM debug=true"], "SSSSSSSS") { vm, _ in vm.vcpus[0] = VirtualCPU() },
    MatrixRow(vcpu, after: [initVM, vcpu], "XXXXXXXX"),
    MatrixRow("KVM_CREATE_VCPU vcpu=1", after: [initVM] + ready + ["KVM_TDX_FINALIZE_VM"], "SSSSSSSI") { vm, _ in
      vm.vcpus[1] = VirtualCPU()
    },
    MatrixRow("KVM_TDX_INIT_VCPU vcpu=0", after: [initVM], "NNNNNNNB"),
    MatrixRow("KVM_TDX_INIT_VCPU vcpu=0", after: [initVM, vcpu], "NNNNNNNS") { vm, _ in
      vm.vcpus[0]?.isTDInitialized = true
    },
    MatrixRow("KVM_TDX_INIT_VCPU vcpu=0", after: [initVM, vcpu, "KVM_TDX_INIT_VCPU vcpu=0"], "NNNNNNNE"),
    MatrixRow(
      "KVM_TDX_INIT_VCPU vcpu=1",
      after: [initVM] + ready + ["KVM_CREATE_VCPU vcpu=1", "KVM_TDX_FINALIZE_VM"], "NNNNNNNE"),
    MatrixRow("KVM_TDX_FINALIZE_VM", "NNNNNNNE"),
    MatrixRow("KVM_TDX_FINALIZE_VM", after: [initVM], "NNNNNNNI"),
    MatrixRow("KVM_TDX_FINALIZE_VM", after: [initVM, vcpu], "NNNNNNNI"),
    MatrixRow("KVM_TDX_FINALIZE_VM", after: [initVM] + ready, "NNNNNNNS") { vm, _ in
      vm.tdState = .runnable
      vm.flags.preFaultAllowed = true
    },
    MatrixRow("KVM_TDX_FINALIZE_VM", after: [initVM] + ready + ["KVM_TDX_FINALIZE_VM"], "NNNNNNNE"),
    MatrixRow("KVM_RUN vcpu=0", after: [initVM, vcpu], "SSSSEEEE", asks: .run(vcpu: 0)),
    MatrixRow(
      "KVM_RUN vcpu=0",
      after: ["KVM_SEV_INIT2", initVM, vcpu, "KVM_TDX_INIT_VCPU vcpu=0", "KVM_TDX_FINALIZE_VM"], "SSSSSSSS",
      asks: .run(vcpu: 0)),
    MatrixRow(
      "KVM_RUN vcpu=1", after: [initVM, "KVM_CREATE_VCPU vcpu=1"] + ready + ["KVM_TDX_FINALIZE_VM"], "SSSSEEEE",
      asks: .run(vcpu: 1)),
    MatrixRow("KVM_PRE_FAULT_MEMORY vcpu=0", after: [initVM, vcpu], "SSSSSSOO", asks: .preFault(vcpu: 0)),
    MatrixRow(
      "KVM_PRE_FAULT_MEMORY vcpu=0",
      after: ["KVM_SEV_INIT2", initVM] + ready + [start, "KVM_SEV_LAUNCH_FINISH", "KVM_TDX_FINALIZE_VM"], "SSSSSSSS",
      asks: .preFault(vcpu: 0)),
  ]

  private static func slot(_ kind: SlotKind) -> String { "KVM_SET_USER_MEMORY_REGION2 slot=0 kind=\(kind.rawValue)" }
  private static let makePrivate = "KVM_SET_MEMORY_ATTRIBUTES gfn=7 private=true"
  private static let makeShared = "KVM_SET_MEMORY_ATTRIBUTES gfn=7 private=false"

  /// Memslots, attributes, capabilities.
  static let memory: [MatrixRow] = [
    MatrixRow(slot(.plain), "SSSSSSSS") { vm, _ in vm.slots[0] = .plain },
    MatrixRow(slot(.readOnly), "SSSSSEEE") { vm, _ in vm.slots[0] = .readOnly },
    MatrixRow(slot(.guestMemory), "EESSEESS") { vm, _ in vm.slots[0] = .guestMemory },
    MatrixRow(slot(.none), "EEEEEEEE"),
    MatrixRow(slot(.none), after: [slot(.plain)], "SSSSSSSS") { vm, _ in vm.slots = [:] },
    MatrixRow(slot(.plain), after: [slot(.plain)], "SSSSSSSS"),
    MatrixRow(slot(.readOnly), after: [slot(.plain)], "EEEEEEEE"),
    MatrixRow(slot(.guestMemory), after: [slot(.guestMemory)], "EEEEEEEE"),
    MatrixRow(slot(.plain), after: [slot(.guestMemory)], "SSEESSEE") { vm, _ in vm.slots[0] = .plain },
    MatrixRow(makePrivate, "EESSEESS") { vm, _ in vm.privateGFNs = [7] },
    MatrixRow(makeShared, "SSSSSSSS"),
    MatrixRow(makeShared, after: [makePrivate], "SSSSSSSS") { vm, _ in vm.privateGFNs = [] },
    MatrixRow("query_vm_capabilities", "SSSSSSSS", asks: .capabilities),
    MatrixRow("userspace_continues", "SSSSSSSS"),
  ]
}

/// Every operation on a visible VM of every type: the exact status and the whole resulting state.
@Suite struct VMIoctlMatrixTests {
  @Test("exact status, whole state", arguments: MatrixRow.sev + MatrixRow.vcpus + MatrixRow.memory)
  func matrix(_ row: MatrixRow) throws {
    #expect(row.statuses.count == VMSituation.all.count)
    for (situation, status) in zip(VMSituation.all, row.statuses) {
      var machine = try Machine.after(Schedule.visible(situation.type, on: situation.vendor) + row.setup)
      var expected = machine.virtualMachines
      if status == "SUCCESS", var vm = expected.vm {
        row.change(&vm, situation.type)
        expected.vm = vm
      }
      if let question = row.question {
        expected.question = question
        expected.answer = VMStatus(rawValue: status)
      }
      #expect(try machine.call(row.call) == Outcome(status), "\(situation)")
      #expect(machine.virtualMachines == expected, "\(situation)")
    }
  }

  @Test("the flags of a VM that userspace can see are the matrix", arguments: VMSituation.all)
  func flags(_ situation: VMSituation) throws {
    let machine = try Machine.after(Schedule.visible(situation.type, on: situation.vendor))
    let expected: [VMType: VMFlags] = [
      .default: VMFlags(preFaultAllowed: true),
      .swProtected: VMFlags(privateMemory: true, preFaultAllowed: true),
      .sev: VMFlags(preFaultAllowed: true),
      .sevES: VMFlags(protectedState: true, preFaultAllowed: true),
      .snp: VMFlags(privateMemory: true, protectedState: true),
      .tdx: VMFlags(privateMemory: true, protectedState: true),
    ]
    let vm = try #require(machine.virtualMachines.vm)
    #expect(vm.flags == expected[situation.type])
    #expect(vm.storedType == situation.type.number)
    #expect(vm.addressSpaces == 2)
    #expect(vm.earlyDecisions == (situation.type.hasPrivateMemory ? ["kvm_arch_nr_memslot_as_ids"] : []))
    #expect(vm.sev.needsInit == situation.type.isTypedSEV)
  }

  @Test("a micro-step of KVM_CREATE_VM happens only in its turn, and otherwise changes nothing")
  func creationOrder() throws {
    let steps = Schedule.visible(.tdx)
    for length in 1...steps.count {
      let before = try Machine.after(Array(steps.prefix(length)))
      for step in steps.dropFirst() + ["vm_init_fails"] {
        var machine = before
        let status = try machine.call(step).status
        if length < steps.count && step == steps[length] {
          #expect(status == "SUCCESS", "\(length) \(step)")
        } else if step == "vm_init_fails" && length == 5 {
          #expect(status == "-ENOMEM")
          #expect(machine.virtualMachines.vm == nil)
        } else {
          let wouldSet = step == "kvm_install_fd" && (length == 4 || length == 5)
          #expect(status == (wouldSet ? "KVM_WOULD_SET_FLAGS" : "KVM_WOULD_REFUSE"), "\(length) \(step)")
          #expect(machine.virtualMachines == before.virtualMachines)
        }
      }
    }
  }

  @Test("a host refuses the types of the other vendor, and leaves no VM behind", arguments: VMType.allCases)
  func otherVendor(_ type: VMType) throws {
    for vendor in ["INTEL", "AMD"] {
      var machine = try Machine.after(["load_modules cpu=\(vendor)"])
      let isOffered = type != .type32 && (!type.isTypedSEV || vendor == "AMD") && (type != .tdx || vendor == "INTEL")
      let outcome = try machine.call("KVM_CREATE_VM type=\(type.number)")
      #expect(outcome == Outcome(isOffered ? "SUCCESS" : "-EINVAL"))
      #expect((machine.virtualMachines.vm != nil) == isOffered)
    }
  }

  @Test("without a descriptor every ioctl is -EBADF and changes nothing but the answer")
  func noDescriptor() throws {
    let before = try Machine.after(Schedule.created(.default))
    for row in MatrixRow.sev + MatrixRow.vcpus + MatrixRow.memory where row.call != "userspace_continues" {
      var machine = before
      #expect(try machine.call(row.call) == Outcome("-EBADF"), "\(row.call)")
      #expect(machine.virtualMachines.vm == before.virtualMachines.vm)
    }
  }

  @Test("the table of operations is sound: names are unique, statuses are the ones that rows return")
  func table() throws {
    #expect(Set(Machine.operations.map(\.name)).count == Machine.operations.count)
    #expect(Set(Machine.observables.map(\.name)).count == Machine.observables.count)
    for row in MatrixRow.sev + MatrixRow.vcpus + MatrixRow.memory {
      let operation = try #require(Machine.operations.first { $0.name == Call(row.call).name })
      for status in row.statuses { #expect(operation.statuses.contains(status), "\(row.call) \(status)") }
    }
  }

  @Test("a caller's mistake is thrown, and the machine is not touched")
  func misuse() throws {
    var machine = try Machine.after(Schedule.visible(.default))
    let before = machine.virtualMachines
    #expect(throws: OperationError.missingArgument(operation: "KVM_RUN", parameter: "vcpu")) {
      try machine.call("KVM_RUN")
    }
    #expect(throws: OperationError.unexpectedArgument(operation: "KVM_SEV_INIT2", parameter: "vcpu")) {
      try machine.call("KVM_SEV_INIT2 vcpu=0")
    }
    let found = Argument.symbol("zero")
    #expect(
      throws: OperationError.wrongKind(
        operation: "KVM_RUN", parameter: "vcpu", expected: .integer(of: "vcpu"), found: found)
    ) { try machine.call("KVM_RUN vcpu=zero") }
    #expect(throws: OperationError.unknownOperation("KVM_FLY")) { try machine.call("KVM_FLY") }
    #expect(machine.virtualMachines == before)
  }
}
