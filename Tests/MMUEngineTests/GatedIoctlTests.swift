import MMUEngine
import Testing

/// Every ioctl on a vCPU's state, in every kind of VM, protected and not: the answer, the work, and the whole state.
@Suite struct GatedIoctlTests {
  /// A VM with one vCPU.
  struct Situation: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let calls: [String]
    let answers: Answers
  }

  /// Which column of the table a situation is in.
  enum Answers: Sendable {
    case unprotected
    case refused
    case legacy
  }

  /// A VM of an SEV type with a vCPU, the commands of whose launch have all been given.
  private static func launched(_ type: VMType) -> [String] {
    Schedule.visible(type) + [
      "KVM_SEV_INIT2", "KVM_CREATE_VCPU vcpu=0", "KVM_SEV_LAUNCH_START", "KVM_SEV_LAUNCH_UPDATE_VMSA",
      "KVM_SEV_LAUNCH_FINISH",
    ]
  }

  static let situations: [Situation] = [
    Situation(
      testDescription: "default", calls: Schedule.visible(.default) + ["KVM_CREATE_VCPU vcpu=0"],
      answers: .unprotected),
    Situation(
      testDescription: "software-protected", calls: Schedule.visible(.swProtected) + ["KVM_CREATE_VCPU vcpu=0"],
      answers: .unprotected),
    Situation(testDescription: "SEV", calls: launched(.sev), answers: .unprotected),
    Situation(
      testDescription: "SEV-ES before its launch", calls: Array(launched(.sevES).prefix(10)), answers: .unprotected),
    Situation(testDescription: "SEV-ES", calls: launched(.sevES), answers: .refused),
    Situation(testDescription: "SNP", calls: launched(.snp), answers: .refused),
    Situation(testDescription: "legacy SEV-ES", calls: Schedule.legacyES, answers: .legacy),
    Situation(testDescription: "TDX", calls: Schedule.runnableTD, answers: .refused),
    Situation(
      testDescription: "a TD that can be debugged",
      calls: Schedule.visible(.tdx) + ["KVM_TDX_INIT_VM debug=true", "KVM_CREATE_VCPU vcpu=0"], answers: .unprotected),
  ]

  /// What legacy SEV-ES answers, written out.
  static let legacy: [VCPUIoctl: IoctlAnswer] = [
    .getRegs: IoctlAnswer(.success, .all), .setRegs: IoctlAnswer(.success, .all),
    .getSregs: IoctlAnswer(.success, .part), .setSregs: IoctlAnswer(.success, .part),
    .getSregs2: IoctlAnswer(.success, .part), .setSregs2: IoctlAnswer(.success, .part),
    .setSregs2PDPTRs: IoctlAnswer(.invalid, .none),
    .getDebugregs: IoctlAnswer(.success, .all), .setDebugregs: IoctlAnswer(.success, .all),
    .getXCRs: IoctlAnswer(.success, .all), .setXCRs: IoctlAnswer(.success, .all),
    .getXsave: IoctlAnswer(.success, .none), .getXsave2: IoctlAnswer(.success, .none),
    .setXsave: IoctlAnswer(.success, .none), .getFPU: IoctlAnswer(.success, .none),
    .setFPU: IoctlAnswer(.success, .none), .getMSRs: IoctlAnswer(.success, .none),
    .setMSRs: IoctlAnswer(.success, .none), .setGuestDebug: IoctlAnswer(.invalid, .none),
  ]

  @Test("the answer is the table's, and nothing else changes", arguments: situations, VCPUIoctl.allCases)
  func answers(_ situation: Situation, _ ioctl: VCPUIoctl) throws {
    var machine = try Machine.after(situation.calls)
    let isGuarded = situation.answers != .unprotected
    let expected: IoctlAnswer
    switch situation.answers {
    case .unprotected: expected = IoctlAnswer(.success, .all)
    case .refused: expected = IoctlAnswer(.invalid, .none)
    case .legacy: expected = try #require(Self.legacy[ioctl])
    }
    var host = machine.virtualMachines
    host.question = .stateIoctl(ioctl, wasGuarded: isGuarded, work: expected.work)
    host.answer = expected.status
    if ioctl.writes && expected.work != .none { host.vm?.vcpus[0]?.registers += 1 }
    #expect(try machine.call("vcpu_ioctl vcpu=0 ioctl=\(ioctl.rawValue)") == Outcome(expected.status.rawValue))
    #expect(machine.virtualMachines == host)
    #expect(try machine.observe("vmsa_touched", ["vcpu": .integer(0)]) == .boolean(false))
    #expect(try machine.observe("ioctl_work") == .symbol(expected.work.rawValue))
  }

  @Test("the encrypted state is what the registers were when it was encrypted, whatever is set later")
  func sealing() throws {
    let middle = Schedule.visible(.default, on: "AMD") + ["KVM_SEV_INIT es=true", "KVM_CREATE_VCPU vcpu=0"]
    let set = "vcpu_ioctl vcpu=0 ioctl=SET_REGS"
    let launch = ["KVM_SEV_LAUNCH_START", "KVM_SEV_LAUNCH_UPDATE_VMSA"]
    let machine = try Machine.after(middle + [set, set] + launch + [set])
    let vcpu = try #require(machine.virtualMachines.vm?.vcpus[0])
    #expect(vcpu.registers == 3)
    #expect(vcpu.savedState == 2)
  }
}
