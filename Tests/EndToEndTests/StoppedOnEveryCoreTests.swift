import Foundation
import Interchange
import Testing

/// Commands that have work for every core, and must hear all the same that they are to stop.
@Suite("Stopped while every core is busy", .serialized)
struct StoppedOnEveryCoreTests {
  /// 2²³ states, which take a minute or more, once as the file stands and once for each core.
  private static let text: String = {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let variants = (0..<cores).map { "--@ variant v\($0): => holds\n" }.joined()
    return variants + """
      var x: array [0..22] of boolean;
      startstate begin for i: 0..22 do x[i] := false; end; end;
      ruleset i: 0..22 do rule "flip" true ==> begin x[i] := !x[i]; end; end;
      invariant "whatever" x[0] | !x[0];

      """
  }()

  @Test("the clock: no row is anything but limit", arguments: ["explicit", "auto"])
  func time(_ engine: String) throws {
    let result = try CommandLineTool.run(
      [
        "prove", "invariants", "-", "--all-variants", "--engine", engine, "--timeout", "0.3", "--format", "json",
      ], input: Self.text)
    #expect(result.status == 30)
    let rows = try result.rows()
    #expect(rows.count >= 1 + ProcessInfo.processInfo.activeProcessorCount)
    #expect(rows.allSatisfy { $0["verdict"] == .string("limit") })
  }
}
