import Foundation
import Glibc
import Testing

/// A run that is killed, by what no program can catch.
@Suite("A killed run")
struct KilledRunTests {
  /// Proofs of several properties, whose making minimal takes a while in one search.
  private static let model = "tdx-locks"

  /// Six digits that count: a counterexample of 999,999 steps, which no PDR gets to.
  private static var odometer: String {
    let digits = ["a", "b", "c", "d", "e", "f"]
    var text = "var a, b, c, d, e, f: 0..9;\nstartstate begin a := 0; b := 0; c := 0; d := 0; e := 0; f := 0; end;\n"
    for place in digits.indices {
      let lower = digits[..<place]
      let guards = lower.map { "\($0) = 9 & " }.joined()
      let resets = lower.map { "\($0) := 0; " }.joined()
      let digit = digits[place]
      text += "rule \"\(digit)\" \(guards)\(digit) < 9 ==> begin \(resets)\(digit) := \(digit) + 1; end;\n"
    }
    return text + "invariant \"never all\" !(a = 9 & b = 9 & c = 9 & d = 9 & e = 9 & f = 9);\n"
  }

  /// The finished certificates under a folder.
  private func proofs(in folder: URL) -> [String] {
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".proof") }.sorted()
  }

  /// The second file cannot be finished, so the kill finds the command at work whatever the machine's speed.
  @Test("leaves the finished proofs, each of them whole")
  func killed() throws {
    try TemporaryFolder.with { folder in
      let out = folder.url.appending(path: "out")
      let endless = try folder.file("endless.m", Self.odometer)
      let process = try CommandLineTool.process(
        ["prove", "invariants", Self.model, endless.path, "--engine", "pdr", "--proofs", out.path]
          + ["--timeout", "120", "--memory", "1G"])
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      while proofs(in: out).isEmpty, process.isRunning { usleep(1_000) }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      #expect(process.terminationReason == .uncaughtSignal)
      let found = proofs(in: out)
      #expect(!found.isEmpty)
      let result = try CommandLineTool.run(
        ["certificate", "check"] + found.map { out.appending(path: $0).path })
      #expect(result.status == 0, "\(result.output)")
      #expect(result.output.contains("\(found.count) certificates, \(found.count) hold, 0 fail; "))
      for name in found {
        let shipped = CommandLineTool.root.appending(path: "Proofs/\(name)")
        #expect(
          try String(contentsOf: out.appending(path: name), encoding: .utf8)
            == String(contentsOf: shipped, encoding: .utf8), "\(name)")
      }
    }
  }
}
