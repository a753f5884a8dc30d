/// Events that libtraceevent could not print as the kernel does: `[FAILED TO PARSE]` and the record's fields.
import Foundation
import KernelTraces
import MMUEngine
import Testing

@Suite("Events as fields")
struct RawFieldTests {
  /// An event's text taken apart, as its fields are printed: frames, entries and addresses in decimal.
  private static func fields(_ event: String, _ text: String) -> String? {
    let words = text.split(separator: " ").map(String.init)
    func decimal(_ index: Int) -> String { String(UInt64(words[index].drop { $0 == "@" }, radix: 16) ?? 0) }
    switch event {
    case "kvm_tdp_mmu_spte_changed":
      return "gfn=\(decimal(4)) old_spte=\(decimal(8)) new_spte=\(decimal(10)) level=\(words[6]) as_id=\(words[2])"
    case "kvm_mmu_get_page", "kvm_mmu_prepare_zap_page":
      let level = UInt64(words[5].dropFirst()) ?? 0
      let isInvalid: UInt64 = words.contains("invalid") ? 1 : 0
      // 7.3 has one more access right.
      let rights: UInt64 = words.contains("rwux") ? 0xF | 0x60 | isInvalid << 4 : 7 | 0x30 | isInvalid << 3
      let role = level | 1 << 7 | rights << 8 | (words.contains("!ad") ? 1 << 16 : 0)
      let count = words.firstIndex(of: "root").map { words[$0 + 1] } ?? "?"
      let created = event == "kvm_mmu_get_page" ? " created=1" : ""
      return "mmu_valid_gen=\(words[2]) gfn=\(decimal(4)) role=\(role) root_count=\(count) unsync=0\(created)"
    case "kvm_mmu_set_spte":
      return "gfn=\(decimal(1)) spte=\(decimal(3)) sptep=\(decimal(8)) level=\(words[6]) r=1 x=1 u=-1"
    case "kvm_mmu_spte_requested": return "gfn=\(decimal(1)) pfn=\(decimal(3)) level=\(words[5])"
    case "kvm_mmu_zap_all_fast": return "mmu_valid_gen=\(words[1]) mmu_used_pages=\(decimal(3))"
    case "kvm_mmu_split_huge_page": return "gfn=\(decimal(1)) spte=\(decimal(3)) level=\(words[5]) errno=\(words[7])"
    case "mark_mmio_spte":
      return "sptep=0x\(words[0].dropFirst(6)) gfn=\(decimal(2)) access=\(decimal(4)) gen=\(decimal(6))"
    case "check_mmio_spte": return "kvm_gen=\(decimal(3)) spte_gen=\(decimal(5)) spte=\(decimal(1))"
    case "handle_mmio_page_fault":
      let address = UInt64(words[0].dropFirst(5), radix: 16) ?? 0
      return "addr=\(address) gfn=\(decimal(2)) access=\(decimal(4))"
    case "kvm_page_fault":
      return "vcpu_id=\(words[1]) guest_rip=\(words[3]) fault_address=\(words[5]) error_code=\(words[7])"
    case "kvm_entry": return "vcpu_id=\(words[1].dropLast()) rip=\(words[3]) intr_info=0 error_code=0"
    case "kvm_exit":
      return "exit_reason=\(words[3] == "npf" ? 0x400 : 0x78) guest_rip=\(words[5]) isa=2 vcpu_id=\(words[1])"
    case "kvm_unmap_hva_range": return "start=\(words[4]) end=\(words[6])"
    case "fast_page_fault":
      let result = words[13] == "1" ? 6 : words[15] == "1" ? 5 : 4
      let values = "sptep=0x\(words[7]) old_spte=\(words[9]) new_spte=\(decimal(11)) ret=\(result)"
      return "vcpu_id=\(words[1]) cr2_or_gpa=\(decimal(3)) error_code=\(errorCode(words[5])) \(values)"
    default: return nil
    }
  }

  /// The number behind the names of an error code's bits.
  private static func errorCode(_ names: String) -> UInt64 {
    let bits: [String: UInt64] = ["P": 1, "W": 2, "U": 4, "RSVD": 8, "F": 16]
    return names.split(separator: "|").reduce(0) { code, name in
      code | (bits[String(name)] ?? UInt64(name.dropFirst(2), radix: 16) ?? 0)
    }
  }

  private static func raw(_ line: String) -> String {
    guard !line.hasPrefix("#"), let colon = line.firstRange(of: ": ") else { return line }
    let rest = line[colon.upperBound...]
    guard let end = rest.firstRange(of: ": "),
      let fields = fields(String(rest[..<end.lowerBound]), String(rest[end.upperBound...]))
    else { return line }
    return line[..<colon.upperBound] + rest[..<end.lowerBound] + ": [FAILED TO PARSE] " + fields
  }

  @Test(
    "a recorded trace as fields is the same trace",
    arguments: TraceFixture.names)
  func recorded(name: String) throws {
    let lines = try ReplayTests.text(name)
    let fields = lines.map(Self.raw)
    let records = try TraceFixture.records(fields.joined(separator: "\n"))
    #expect(records == (try TraceFixture.records(lines.joined(separator: "\n"))))
    let changed = lines.indices.filter { lines[$0] != fields[$0] }
    #expect(changed.count >= 40)
    let report = try TraceFixture.withFile(Data(fields.joined(separator: "\n").utf8)) {
      try Conformance.check(path: $0, kernel: nil)
    }
    #expect(report.raw?.count == changed.count)
    #expect(report.raw?.line == changed.first.map { $0 + 1 })
  }

  private static let head = "a-1 [000] 1.0: "

  @Test("a shadow page of another layout is none of the TDP MMU's")
  func shadowPage() throws {
    let text =
      Self.head
      + "kvm_mmu_get_page: [FAILED TO PARSE] mmu_valid_gen=0x0 gfn=0 role=122884 root_count=1 unsync=0 created=1\n"
    #expect(try TraceFixture.records(text).map(\.content) == [.otherMMU(EventName(0))])
  }

  @Test(
    "fields that do not say enough are an error that says what to do",
    arguments: [
      "kvm_mmu_get_page: [FAILED TO PARSE] gfn=0 role=14212 root_count=1 unsync=0 created=1",
      // A fifth access right, or whatever else moves the bits behind it.
      "kvm_mmu_get_page: [FAILED TO PARSE] mmu_valid_gen=0x0 gfn=0 role=57220 root_count=1 unsync=0 created=1",
      "kvm_tdp_mmu_spte_changed: [FAILED TO PARSE] gfn=0 old_spte=99999999999999999999 new_spte=0 level=1 as_id=0",
      "kvm_tdp_mmu_spte_changed: [FAILED TO PARSE] gfn=0 old_spte=0 new_spte=0 level=7 as_id=0",
      "kvm_tdp_mmu_spte_changed: [FAILED TO PARSE]",
      "kvm_exit: [FAILED TO PARSE] exit_reason=48 guest_rip=0x0",
      "fast_page_fault: [FAILED TO PARSE] vcpu_id=0 cr2_or_gpa=4096 error_code=7 sptep=0x1 old_spte=1 new_spte=2 ret=7",
    ])
  func notEnough(event: String) throws {
    let name = event.prefix { $0 != ":" }
    let fields = event.dropFirst(name.count + ": [FAILED TO PARSE]".count).prefix(80)
    let message =
      "\(name) came without its text ([FAILED TO PARSE]), and its fields do not say enough:\(fields); print the trace "
      + "where trace-cmd has its kvm plugin (trace-cmd list -P), or take ftrace's own text"
    #expect(throws: TraceError(line: 2, message)) { try TraceFixture.records("cpus=1\n" + Self.head + event + "\n") }
  }
}
