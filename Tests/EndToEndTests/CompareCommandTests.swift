import Foundation
import Testing

/// What `compare zap` writes, and where. Slots of 2 MiB only: the rest takes the engine most of a minute.
@Suite("compare zap")
struct CompareCommandTests {
  private static let arguments = ["compare", "zap", "--vcpus", "2", "--slot", "2M"]

  @Test("a file gets what standard output would", arguments: ["text", "json"])
  func file(_ format: String) throws {
    try TemporaryFolder.with { folder in
      let arguments = Self.arguments + ["--format", format]
      let plain = try CommandLineTool.run(arguments)
      #expect(plain.status == 0)
      let old = try folder.file("costs", "old").path
      let written = try CommandLineTool.run(arguments + ["-o", old])
      #expect(written.status == 0)
      #expect(written.output == "" && written.errors == "")
      #expect(try String(contentsOfFile: old, encoding: .utf8) == plain.output)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["costs"])
    }
  }

  @Test("slots of one size: four platforms, two page sizes, two VMs, two policies")
  func slot() throws {
    let lines = try CommandLineTool.run(Self.arguments).output.split(separator: "\n")
    let rows = lines.filter { line in ["NPT", "EPT", "SNP", "TDX"].contains { line.hasPrefix($0 + " ") } }
    #expect(rows.count == 32)
    #expect(rows.allSatisfy { $0.contains(" 2 MiB ") })
    let wrong = try CommandLineTool.run(["compare", "zap", "--slot", "3M"])
    #expect(wrong.status == 64)
    #expect(wrong.errors.contains("--slot 3M: expected 2M, 64M, 1G, 2G, 16G, 128G or 1T"))
  }

  @Test("a file that cannot be written: 64 before any work, and nothing is left or lost")
  func unwritable() throws {
    try TemporaryFolder.with { folder in
      let file = try folder.file("file", "old").path
      for place in [file + "/x", folder.url.path] {
        let result = try CommandLineTool.run(["compare", "zap", "-o", place])
        #expect(result.status == 64)
        #expect(result.errors.hasPrefix("error: -o: cannot write \(place): "), "\(result.errors)")
        #expect(result.output == "")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["file"])
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "old")
    }
  }
}
