import Foundation
import Interchange
import Report
import Testing

/// What a mask of KVM_CAP_VM_TYPES means, and what is said where nobody answers.
@Suite struct HostReportTests {
  /// A row of vm-types.tsv: kernel, query, argument, result.
  private static func rows() throws -> [[String]] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/vm-types.tsv")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { $0.split(separator: "\t").map(String.init) }
  }

  @Test("the types that a real kernel's mask names are those of which it made VMs")
  func realKernels() throws {
    let rows = try Self.rows()
    let masks = rows.filter { $0[1] == "KVM_CAP_VM_TYPES" }
    #expect(masks.map { $0[3] } == ["1", "3"])
    for row in masks {
      let mask = try #require(UInt32(row[3]))
      let made = rows.filter { $0[0] == row[0] && $0[1] == "KVM_CREATE_VM" && $0[3].hasPrefix("fd") }
      #expect(HostReport.vmTypes(of: mask).map { "0x\(String($0.number, radix: 16))" } == made.map { $0[2] })
      #expect(HostReport.vmTypes(of: mask).allSatisfy { $0.name != nil })
    }
  }

  @Test("every bit has its type's name, and one without a type has none", arguments: 0..<32)
  func bit(_ number: Int) {
    let names = [
      "KVM_X86_DEFAULT_VM", "KVM_X86_SW_PROTECTED_VM", "KVM_X86_SEV_VM", "KVM_X86_SEV_ES_VM", "KVM_X86_SNP_VM",
      "KVM_X86_TDX_VM",
    ]
    let found = HostReport.vmTypes(of: 1 << UInt32(number))
    #expect(found.map(\.number) == [number])
    #expect(found.map(\.name) == [names.indices.contains(number) ? names[number] : nil])
    let quirk = HostReport.quirks(of: 1 << UInt32(number)).first
    #expect((quirk?.name == nil) == (number > 9))
    if number == 7 { #expect(quirk?.name == "KVM_X86_QUIRK_SLOT_ZAP_ALL") }
  }

  private func report(_ answer: HostReport.Answer) -> HostReport { HostReport(device: "/dev/kvm", answer: answer) }

  @Test("an answer: mask, bits and names")
  func answered() {
    let capabilities = HostReport.Capabilities(apiVersion: 12, vmTypes: 0x8000_0021, quirks: nil)
    #expect(
      report(.answered(capabilities)).text == """
        /dev/kvm: KVM API version 12
          KVM_CAP_VM_TYPES = 0x80000021
            bit 0: KVM_X86_DEFAULT_VM
            bit 5: KVM_X86_TDX_VM
            bit 31: unknown to kvmcheck
          KVM_CAP_DISABLE_QUIRKS2: this kernel has no such capability

        """)
    let json = report(.answered(capabilities)).json
    #expect(json["kvm"] == .string("answered"))
    #expect(json["vmTypesMask"] == .integer(0x8000_0021))
    #expect(
      json["vmTypes"]
        == .array([
          .object(["bit": .integer(0), "name": .string("KVM_X86_DEFAULT_VM")]),
          .object(["bit": .integer(5), "name": .string("KVM_X86_TDX_VM")]),
          .object(["bit": .integer(31), "name": .null]),
        ]))
    #expect(json["quirksMask"] == .null && json["quirks"] == .null)
  }

  @Test("no device, and one that does not answer")
  func unanswered() {
    #expect(report(.absent).text == "/dev/kvm: there is none: KVM is not loaded, or not here\n")
    #expect(report(.absent).json["kvm"] == .string("absent"))
    let refused = report(.refused("Permission denied"))
    #expect(refused.text == "/dev/kvm: cannot be asked: Permission denied\n")
    #expect(refused.json["kvm"] == .string("refused"))
    #expect(refused.json["reason"] == .string("Permission denied"))
    #expect(refused.json["vmTypes"] == .null)
  }
}
