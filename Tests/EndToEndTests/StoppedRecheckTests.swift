import Foundation
import Interchange
import Testing

/// Runs that are stopped while stored certificates are checked, most of which is elaboration.
@Suite("A check of stored proofs that is stopped", .serialized)
struct StoppedRecheckTests {
  @Test("whenever the clock stops it: 30, and rows that say so", arguments: [0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8])
  func time(_ seconds: Double) throws {
    let result = try CommandLineTool.run(
      ["prove", "invariants", "coco-flags", "--timeout", "\(seconds)", "--format", "json"])
    let rows = try result.rows()
    let open = rows.filter { $0["verdict"] == .string("limit") }
    #expect(!result.errors.contains("internal error"))
    #expect(result.status == (open.isEmpty ? 0 : 30))
    #expect(open.count == rows.count { $0["asExpected"] == .boolean(false) })
    #expect(rows.count >= 10)
  }
}
