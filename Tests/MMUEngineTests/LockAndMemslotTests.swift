import MMUEngine
import Testing

/// Memslots bound to guest_memfd, and ioctls that contend for a TD.
@Suite struct LockAndMemslotTests {
  /// A call with its expected status and checks.
  private func expect(
    _ machine: inout Machine, _ text: String, _ status: String = "SUCCESS", _ checks: [String] = []
  ) throws {
    let outcome = try machine.call(text)
    #expect(outcome.status == status, "\(text)")
    #expect(outcome.checks.map(\.name) == checks, "\(text)")
  }

  /// Every refusal of the memslots leaves the whole state as it was.
  @Test(arguments: [
    ("gmem_create file=0", "KVM_WOULD_REFUSE"), ("gmem_close file=1", "-EBADF"),
    ("memslot_create slot=0 memslot=2 file=0", "-EINVAL"),
    ("memslot_create slot=1 memslot=0 file=0", "KVM_WOULD_REFUSE"),
    ("memslot_create slot=1 memslot=2 file=1", "-EBADF"), ("memslot_create slot=1 memslot=2 file=0", "-EINVAL"),
    ("memslot_create_plain slot=0 memslot=2", "KVM_WOULD_REFUSE"), ("memslot_delete slot=1", "-EINVAL"),
    ("memslot_flags slot=0 memslot=2", "-EINVAL"), ("memslot_flags slot=1 memslot=2", "KVM_WOULD_REFUSE"),
    ("memslot_clear_guest_memfd slot=0 memslot=2", "-EINVAL"),
    ("memslot_clear_guest_memfd slot=1 memslot=2", "KVM_WOULD_REFUSE"),
  ])
  func memslotRefusals(_ text: String, _ status: String) throws {
    var machine = try Machine.after(["gmem_create file=0", "memslot_create slot=0 memslot=0 file=0"])
    let before = machine.memslots
    try expect(&machine, text, status)
    #expect(machine.memslots == before)
  }

  @Test("clearing the flag frees a bound memslot, and closing the file writes it: both stacks are shown")
  func toggle() throws {
    var machine = Machine(named: "gmem-toggle")
    try expect(&machine, "gmem_create file=0")
    try expect(&machine, "memslot_create slot=0 memslot=0 file=0")
    try expect(&machine, "memslot_clear_guest_memfd slot=0 memslot=1", "SUCCESS", ["memslot-freed-while-bound"])
    let outcome = try machine.call("gmem_close file=0")
    #expect(
      outcome.checks == [
        EngineCheck(
          "use-after-free",
          "memslot object 0: file written by [gmem_close file=0 > kvm_gmem_release], "
            + "freed by [memslot_clear_guest_memfd slot=0 memslot=1 > kvm_commit_memory_region]")
      ])
  }

  @Test("with the hardening the same calls damage nothing")
  func toggleUnbinds() throws {
    var machine = Machine(named: "gmem-toggle+gmem-unbind-old")
    for text in [
      "gmem_create file=0", "memslot_create slot=0 memslot=0 file=0", "memslot_clear_guest_memfd slot=0 memslot=1",
      "gmem_close file=0", "memslot_delete slot=0",
    ] { try expect(&machine, text) }
    #expect(MemslotSlab.all.allSatisfy { !machine.memslots.slab.isAllocated($0) })
  }

  /// vCPU 0 online.
  private static let online = [
    "locks_td vcpus=2 threads=2", "create_vcpu_begin thread=0 vcpu=0", "create_vcpu_end thread=0 vcpu=0",
  ]

  @Test("before the guard, VP.CREATE meets MR.FINALIZE: busy, KVM_BUG_ON")
  func unguarded() throws {
    var machine = try Machine.after(
      Self.online + ["finalize thread=1", "lock_kvm thread=1", "lock_slots thread=1", "check_state thread=1"],
      policy: "kvm-6-16-locks")
    for text in [
      "init_vcpu thread=0 vcpu=0", "lock_vcpu thread=0 vcpu=0", "check_state thread=0", "seamcall_begin thread=1",
    ] {
      try expect(&machine, text)
    }
    try expect(&machine, "seamcall_begin thread=0", "TDX_OPERAND_BUSY")
    try expect(&machine, "ioctl_bug_on thread=0", "KVM_BUG_ON", ["KVM_BUG_ON"])
  }

  @Test("MR.FINALIZE beside a vCPU's creation is a check before the guard, -EBUSY with it")
  func creation() throws {
    let calls = ["locks_td vcpus=2 threads=2", "create_vcpu_begin thread=0 vcpu=0", "finalize thread=1"]
    var right = try Machine.after(calls)
    try expect(&right, "lock_kvm thread=1", "-EBUSY")
    var old = try Machine.after(
      calls + ["lock_kvm thread=1", "lock_slots thread=1", "check_state thread=1"], policy: "kvm-6-16-locks")
    try expect(&old, "seamcall_begin thread=1", "SUCCESS", ["state-change-during-creation"])
  }

  @Test("the guard inside the vCPU's mutex: both threads wait for ever, and nothing changes")
  func deadlock() throws {
    var machine = try Machine.after(
      Self.online + [
        "init_vcpu thread=0 vcpu=0", "finalize thread=1", "lock_kvm thread=1", "lock_vcpu thread=0 vcpu=0",
      ],
      policy: "guard-inside-mutex")
    let before = machine.tdIoctls
    try expect(&machine, "lock_kvm thread=0", "KVM_WOULD_WAIT")
    try expect(&machine, "lock_vcpu thread=1 vcpu=0", "KVM_WOULD_WAIT")
    #expect(machine.tdIoctls == before)
  }

  @Test(
    "random interleavings of the right kernel's ioctls damage nothing; refusals to move change nothing",
    arguments: 1...8)
  func interleavings(_ seed: UInt64) throws {
    var machine = try Machine.after(["locks_td vcpus=2 threads=3"])
    var random = seed &* 0x9E37_79B9_7F4A_7C15
    let names = [
      "create_vcpu_begin", "create_vcpu_end", "init_vcpu", "init_mem_region", "finalize", "lock_kvm", "lock_vcpu",
      "lock_slots", "check_state", "seamcall_begin", "seamcall_end", "ioctl_bug_on", "unlock",
    ]
    for _ in 0..<3000 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let name = names[Int(random >> 33) % names.count]
      let takesVCPU = ["create_vcpu_begin", "create_vcpu_end", "init_vcpu", "init_mem_region", "lock_vcpu"].contains(
        name)
      let vcpu = takesVCPU ? " vcpu=\(random >> 50 & 1)" : ""
      let before = machine.tdIoctls
      let outcome = try machine.call("\(name) thread=\((random >> 40) % 3)\(vcpu)")
      #expect(outcome.checks == [])
      #expect(!outcome.status.hasPrefix("TDX_"))
      if outcome.status.hasPrefix("KVM_WOULD") { #expect(machine.tdIoctls == before) }
    }
    let td = try #require(machine.tdIoctls.td)
    #expect(!td.isBugged)
    #expect(td.isRunnable == (td.platform.domains[td.tdr]?.operationState == .runnable))
  }
}
