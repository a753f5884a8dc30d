import Foundation
import Glibc
import Interchange
import Testing

/// A search for proofs that is stopped after PDR has found its lemmas, while they are checked and made few.
@Suite("Certification that is stopped", .serialized)
struct StoppedCertificationTests {
  /// Its certificates come one after the other, over a good part of the whole run.
  private static let model = "tdx-locks"

  private func arguments(_ out: URL, _ options: [String]) -> [String] {
    // A run that is not stopped ends with 0: PDR says nothing of deadlock.
    let fixed = ["prove", "invariants", Self.model, "--engine", "pdr", "--deadlock", "off", "--format", "json"]
    return fixed + ["--proofs", out.path] + options
  }

  /// The finished certificates under a folder.
  private func proofs(in folder: URL) -> [String] {
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".proof") }.map { folder.appending(path: $0).path }.sorted()
  }

  /// The rows of a stopped run: some are proved, each with its certificate on disk, and the rest are `limit` for this reason.
  private func check(_ rows: [JSON], _ out: URL, because reason: String) throws {
    let proved = rows.filter { $0["certificate"] != .null }
    let open = rows.filter { $0["certificate"] == .null }
    #expect(!open.isEmpty)
    #expect(proved.allSatisfy { ["proved", "proved-any-size"].contains($0["verdict"]?.text) })
    #expect(open.allSatisfy { $0["verdict"] == .string("limit") })
    #expect(open.allSatisfy { $0["detail"]?.text?.hasPrefix(reason) == true }, "\(open.map { $0["detail"] })")
    #expect(open.allSatisfy { $0["asExpected"] == .boolean(false) })
    let files = proofs(in: out)
    // "no run-time error" has a certificate and, being proved, no row.
    #expect(!files.isEmpty && files.count >= proved.count)
    let result = try CommandLineTool.run(["certificate", "check"] + files)
    #expect(result.status == 0, "\(result.output)")
  }

  /// Whether a run was stopped behind its last certificate: a signal or a limit that came too late to leave a row open.
  private func isLate(_ rows: [JSON]) -> Bool { rows.allSatisfy { $0["certificate"] != .null } }

  /// How long a run takes to its first certificate. It is interrupted there; nil when all others were there by then, because
  /// this process was not given a core meanwhile.
  private func secondsToFirst(in out: URL) throws -> Double? {
    let start = ContinuousClock.now
    let output = Pipe()
    let process = try CommandLineTool.process(arguments(out, ["--timeout", "120"]))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    while proofs(in: out).isEmpty, process.isRunning { usleep(1_000) }
    let seconds = Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000
    kill(process.processIdentifier, SIGINT)
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 30)
    guard case .array(let rows)? = try JSONDecoder().decode(JSON.self, from: text)["results"] else {
      Issue.record("no results")
      return seconds
    }
    if isLate(rows) { return nil }
    try check(rows, out, because: "interrupted")
    return seconds
  }

  /// The time limit is set from where a first run was with its certificates, and moved until it falls among them.
  @Test("30 by a signal and by the time limit: what is certified stays, the rest is limit")
  func stopped() throws {
    try TemporaryFolder.with { folder in
      var first: Double?
      for attempt in 1...8 where first == nil {
        first = try secondsToFirst(in: folder.url.appending(path: "first-\(attempt)"))
      }
      var limit = try #require(first, "every signal came behind the last certificate") * 1.1
      for attempt in 1...8 {
        let out = folder.url.appending(path: "out-\(attempt)")
        let result = try CommandLineTool.run(arguments(out, ["--timeout", String(format: "%.2f", limit)]))
        let isEarly = proofs(in: out).isEmpty
        if try result.status == 0 || isEarly || isLate(result.rows()) {
          limit *= isEarly ? 1.15 : 0.9
          continue
        }
        #expect(result.status == 30)
        return try check(result.rows(), out, because: "time limit reached")
      }
      Issue.record("no time limit fell among the certificates, the last was \(limit) s")
    }
  }
}
