import Foundation
import MMUEngine
import Testing

/// The engine's answers about VM types against those of two real kernels, row for row.
@Suite struct VMTypesFixtureTests {
  /// A row of vm-types.tsv.
  struct Row {
    let kernel: String
    let query: String
    let argument: String
    let result: String
  }

  /// Every row of the fixture.
  static func rows() throws -> [Row] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/vm-types.tsv")
    let text = try String(contentsOf: file, encoding: .utf8)
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let cells = line.split(separator: "\t").map(String.init)
      return Row(kernel: cells[0], query: cells[1], argument: cells[2], result: cells[3])
    }
  }

  /// A guest of an AMD host with nested paging and without SEV, as the fixture's kernels were.
  static func machine(for kernel: String) throws -> Machine {
    try Machine.after(Schedule.amd(sev: "sev=false", swProtected: kernel.hasSuffix("-swprot")))
  }

  /// What the engine answers, in the fixture's words.
  static func answer(to row: Row) throws -> String {
    var machine = try machine(for: row.kernel)
    try machine.call("KVM_CAP_VM_TYPES")
    var mask = 0
    for bit in 0..<32 where try machine.observe("vm_types_answer", ["bit": .integer(bit)]) == .boolean(true) {
      mask |= 1 << bit
    }
    if row.query == "KVM_CAP_VM_TYPES" { return "\(mask)" }
    let type = try #require(UInt64(row.argument.dropFirst(2), radix: 16))
    let outcome = try machine.perform("KVM_CREATE_VM", ["type": .integer(Int(truncatingIfNeeded: type))])
    #expect(outcome.checks == [], "\(row.argument)")
    if outcome.status == "-EINVAL" {
      #expect(machine.virtualMachines.vm == nil)
      return "-1 errno=22 (Invalid argument)"
    }
    #expect(outcome.status == "SUCCESS")
    #expect(try machine.observe("vm_type") == .integer(Int(type)))
    let hasPrivateMemory = try machine.observe("has_private_mem") == .boolean(true)
    let flags = hasPrivateMemory ? "MEMATTR=8 GMEM=1" : "MEMATTR=0 GMEM=0"
    return "fd; vm-level VM_TYPES=0x\(String(mask, radix: 16)) \(flags)"
  }

  @Test("KVM_CAP_VM_TYPES and KVM_CREATE_VM answer as the real kernels did")
  func rowForRow() throws {
    let rows = try Self.rows()
    #expect(rows.count == 98)
    for row in rows { #expect(try Self.answer(to: row) == row.result, "\(row.kernel) \(row.query) \(row.argument)") }
  }
}
