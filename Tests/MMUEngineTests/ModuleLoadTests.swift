import MMUEngine
import Testing

/// Loading of the vendor module: order, conditions, failure.
@Suite struct ModuleLoadTests {
  /// The conditions, by which the mask of a complete AMD host changes to this.
  static let amd: [(String, UInt32)] = [
    ("", 0x1f), ("tdp", 0x01), ("tdp_mmu", 0x1d), ("mmio_caching", 0x07), ("sev", 0x03), ("nrips", 0x03),
    ("sev_feature", 0x03), ("decode_assists", 0x03), ("flush_by_asid", 0x03), ("asids", 0x03), ("sev_es", 0x07),
    ("sev_es_feature", 0x07), ("lbrv", 0x07), ("sev_es_asids", 0x07), ("sev_snp", 0x0f), ("cc_host_snp", 0x0f),
    ("firmware", 0x03), ("snp_initialized", 0x0f),
  ]

  /// The same for a complete Intel host.
  static let intel: [(String, UInt32)] = [
    ("", 0x23), ("tdp", 0x01), ("tdp_mmu", 0x01), ("mmio_caching", 0x03), ("tdx", 0x03), ("tdx_platform", 0x03),
    ("ept_ad_bits", 0x03), ("apicv", 0x03), ("osxsave", 0x03), ("movdir64b", 0x03), ("selfsnoop", 0x03),
    ("enable_virt_at_load", 0x03),
  ]

  /// The load with one condition missing.
  private func load(_ vendor: String, without condition: String) throws -> Machine {
    let text = condition.isEmpty ? "" : "\(condition)=false"
    let isMMU = ["tdp", "tdp_mmu", "mmio_caching"].contains(condition)
    let mmu = isMMU ? text : ""
    let own = isMMU ? "" : text
    var machine = Machine(policy: .right)
    let middle = vendor == "AMD" ? ["sev_hardware_setup \(own)", "svm_set_cpu_caps"] : []
    let end = vendor == "AMD" ? [] : ["tdx_bringup \(own) result=WORKS", "vt_init_advertise_tdx"]
    let calls =
      ["modprobe cpu=\(vendor)", "kvm_x86_vendor_init", "kvm_configure_mmu \(mmu)"] + middle
      + ["kvm_x86_vendor_init_end config_sw_protected=true"] + end + ["kvm_init"]
    for call in calls { #expect(try machine.call(call) == Outcome("SUCCESS"), "\(call)") }
    return machine
  }

  @Test("each condition of kvm-amd takes away exactly the types that need it", arguments: amd)
  func amdConditions(_ condition: String, _ mask: UInt32) throws {
    let module = try load("AMD", without: condition).virtualMachines.module
    #expect(module.mask == mask)
    #expect(module.written == UInt64(mask))
    #expect(Set(module.up.map(\.number)) == Set((0..<32).filter { mask >> $0 & 1 == 1 }.map(UInt8.init)))
  }

  @Test("each condition of kvm-intel takes away exactly the types that need it", arguments: intel)
  func intelConditions(_ condition: String, _ mask: UInt32) throws {
    #expect(try load("INTEL", without: condition).virtualMachines.module.mask == mask)
  }

  @Test("a TDX module that is absent switches TDX off, any other error fails the load")
  func bringUp() throws {
    var machine = try Machine.after(Array(Schedule.intel(swProtected: true).prefix(4)))
    let before = machine
    #expect(try machine.call("tdx_bringup result=NO_DEVICE") == Outcome("SUCCESS"))
    #expect(machine.virtualMachines.module.enabled == [])
    machine = before
    #expect(try machine.call("tdx_bringup result=FAILS") == Outcome("-EIO"))
    var expected = ModuleLoad()
    expected.cpu = .intel
    expected.mask = 3
    expected.written = 3
    #expect(machine.virtualMachines.module == expected)
    machine = before
    #expect(try machine.call("tdx_bringup tdx=false result=FAILS") == Outcome("SUCCESS"))
  }

  @Test("without VMX or SVM nothing is touched, and userspace sees -EOPNOTSUPP")
  func noHardware() throws {
    var machine = Machine(policy: .right)
    #expect(try machine.call("modprobe cpu=OTHER") == Outcome("-EOPNOTSUPP"))
    #expect(machine.virtualMachines.module == ModuleLoad())
    #expect(try machine.observe("pending_answer") == .symbol("EOPNOTSUPP"))
    #expect(try machine.call("userspace_continues close=false") == Outcome("SUCCESS"))
    #expect(machine.virtualMachines == VirtualMachineHost(policy: .right))
  }

  @Test("a micro-step happens only in its turn, and otherwise changes nothing", arguments: ["INTEL", "AMD"])
  func order(_ vendor: String) throws {
    let load = vendor == "AMD" ? Schedule.amd() : Schedule.intel()
    let steps = Array(Set(Schedule.amd() + Schedule.intel().dropFirst())).sorted() + ["module_load_fails", "rmmod"]
    for length in 0...load.count {
      let before = try Machine.after(Array(load.prefix(length)))
      for step in steps {
        var machine = before
        let status = try machine.call(step).status
        let mayFail = step == "module_load_fails" && length > 0 && length < load.count
        let isNext = length < load.count && Call(step).name == Call(load[length]).name
        let unloads = step == "rmmod" && length == load.count
        #expect(
          status == (mayFail ? "-ENOMEM" : isNext || unloads ? "SUCCESS" : "KVM_WOULD_REFUSE"), "\(length) \(step)")
        if status == "KVM_WOULD_REFUSE" { #expect(machine.virtualMachines == before.virtualMachines) }
      }
    }
  }

  @Test("a failed load and an unload keep the mask and forget the rest, and the next load starts from BIT(0)")
  func unloading() throws {
    var machine = try Machine.after(["load_modules cpu=AMD", "KVM_CAP_VM_TYPES", "rmmod"])
    var expected = ModuleLoad()
    expected.cpu = .amd
    expected.mask = 0x1f
    expected.written = 0x1f
    #expect(machine.virtualMachines.module == expected)
    #expect(try machine.call("KVM_CAP_VM_TYPES") == Outcome("-ENOENT"))
    #expect(try machine.call("KVM_CREATE_VM type=0") == Outcome("-ENOENT"))
    machine = try Machine.after(["load_modules cpu=AMD", "rmmod"] + Schedule.amd())
    #expect(machine.virtualMachines.module.mask == 1)
  }

  @Test("the module cannot be unloaded while a VM exists")
  func unloadWithVM() throws {
    var machine = try Machine.after(Schedule.visible(.default))
    let before = machine.virtualMachines
    #expect(try machine.call("rmmod") == Outcome("KVM_WOULD_REFUSE"))
    #expect(machine.virtualMachines == before)
  }
}
