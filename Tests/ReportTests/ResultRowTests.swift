import Interchange
import Report
import Testing

/// A row with a verdict, as expected or not.
private func row(_ verdict: ResultRow.Word, asExpected: Bool) -> ResultRow {
  var row = ResultRow(
    model: "m", file: "m.m", scope: "default", constants: [NamedText("N", "3"), NamedText("T", "SNP")], property: "p",
    kind: .invariant, verdict: verdict)
  row.asExpected = asExpected
  return row
}

@Test(arguments: [
  (ResultRow.Word.violated, Int32(10)), (.deadlock, 11), (.vacuous, 12), (.bounded, 20), (.unknown, 21), (.limit, 30),
  (.rejected, 40), (.contradiction, 50),
])
func unexpectedVerdictGivesItsCode(verdict: ResultRow.Word, code: Int32) {
  #expect(ResultRow.exitCode(of: [row(.proved, asExpected: true), row(verdict, asExpected: false)]) == code)
  #expect(ResultRow.exitCode(of: [row(verdict, asExpected: true)]) == 0)
}

@Test func firstCodeInTheTablesOrderCounts() {
  let all: [ResultRow.Word] = [.bounded, .unknown, .limit, .rejected, .vacuous, .deadlock, .violated, .contradiction]
  let codes: [Int32] = [20, 21, 30, 40, 12, 11, 10, 50]
  for (count, code) in zip(1...all.count, codes) {
    #expect(ResultRow.exitCode(of: all.prefix(count).map { row($0, asExpected: false) }) == code)
  }
}

@Test func proofOfWhatShouldFailIsNoSuccess() {
  #expect(ResultRow.exitCode(of: [row(.proved, asExpected: false)]) == 10)
}

@Test func jsonHasEveryFieldAndNullsForWhatIsMissing() {
  let json = JSONReport.prove([row(.proved, asExpected: true)])
  #expect(json["schema"] == .string("kvmcheck/1"))
  #expect(json["ok"] == .boolean(true))
  guard case .array(let results)? = json["results"], case .object(let members)? = results.first else {
    Issue.record("no results")
    return
  }
  let promised = [
    "model", "file", "scope", "constants", "variant", "property", "kind", "verdict", "engine", "evidence", "depth",
    "seconds",
    "trace", "certificate", "replay", "event", "bug", "design", "expected", "asExpected", "diagnostics",
  ]
  #expect(Set(promised).isSubset(of: members.keys))
  #expect(members["constants"] == .object(["N": .integer(3), "T": .string("SNP")]))
  for name in ["variant", "engine", "trace", "certificate", "replay", "event", "expected"] {
    #expect(members[name] == .null)
  }
}

@Test(arguments: [(ResultRow.Word.proved, true), (.bounded, true), (.limit, false)])
func onlyWhatWasDecidedContradictsItsFile(verdict: ResultRow.Word, contradicts: Bool) {
  var open = row(verdict, asExpected: false)
  open.expected = .violates
  let report = TextReport(colour: .plain, traces: .none)
  let text = report.text(of: open, width: 10, after: [])
  #expect(text.contains("UNEXPECTED (expected: violates)") == contradicts)
  #expect(report.summary(of: [open], seconds: 1).contains(contradicts ? "1 UNEXPECTED" : "1 not proved"))
}
