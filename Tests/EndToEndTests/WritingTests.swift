import Foundation
import Interchange
import Testing

/// Files that cannot be written: before any work, and after all of it.
@Suite("Writing")
struct WritingTests {
  @Test("where nothing can be written: 64 before any work, and nothing is left", arguments: ["-o", "--traces"])
  func unusable(_ option: String) throws {
    try TemporaryFolder.with { folder in
      let file = try folder.file("file", "old").path
      for place in [file + "/x", option == "-o" ? folder.url.path : file] {
        let arguments = ["prove", "invariants", "-", "--engine", "explicit", option, place]
        let result = try CommandLineTool.run(arguments, input: Texts.endless)
        #expect(result.status == 64)
        #expect(result.errors.hasPrefix("error: \(option): cannot write \(place): "), "\(result.errors)")
        #expect(result.output == "")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["file"])
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "old")
    }
  }

  /// The device is written as it is; a rename would replace it.
  @Test("a disk that is full at the end loses no results: 70", arguments: ["prove invariants", "explore"])
  func fullDisk(_ command: String) throws {
    let arguments = command.split(separator: " ").map(String.init) + ["gmem-toggle"]
    let plain = try CommandLineTool.run(arguments)
    let result = try CommandLineTool.run(arguments + ["-o", "/dev/full"])
    #expect(result.status == 70)
    #expect(OutputTests.timeless(result.output) == OutputTests.timeless(plain.output))
    #expect(
      result.errors
        == "error: cannot write /dev/full: No space left on device; the results are on standard output instead\n")
    var status = stat()
    #expect(stat("/dev/full", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  /// No file may grow beyond nothing: what the kernel answers then is as good as a full disk.
  @Test("the same of a file and of traces: the results come, no half of a file stays")
  func fullDiskOfFiles() throws {
    try TemporaryFolder.with { folder in
      let (model, old) = (try folder.file("counter.m", Texts.counter).path, try folder.file("old.txt", "old").path)
      let traces = folder.url.appending(path: "traces").path
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = [
        "-c", #"ulimit -f 0; { "$0" prove invariants "$1" -o "$2" --traces "$3"; echo "exit $?"; } 2>&1 | cat"#,
        CommandLineTool.executable.path, model, old, traces,
      ]
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(text.contains("violated         below two") && text.contains("2 results"))
      #expect(text.contains("cannot write \(old): File too large"))
      #expect(text.contains("cannot write \(traces)/counter.default.below-two.itf.json: File too large"))
      #expect(text.hasSuffix("exit 70\n"))
      #expect(try String(contentsOfFile: old, encoding: .utf8) == "old")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
      #expect(names == ["counter.m", "old.txt", "traces"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: traces) == [])
    }
  }

  @Test("the same of a certificate: the verdict comes, and what was not written is said")
  func fullDiskOfCertificates() throws {
    try TemporaryFolder.with { folder in
      let text =
        "var x: boolean; startstate begin x := true; end; rule x ==> begin x := true; end; invariant \"on\" x;\n"
      let model = try folder.file("on.m", text).path
      let proofs = folder.url.appending(path: "proofs").path
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = [
        "-c", #"ulimit -f 0; { "$0" prove invariants "$1" --engine pdr --proofs "$2"; echo "exit $?"; } 2>&1 | cat"#,
        CommandLineTool.executable.path, model, proofs,
      ]
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(printed.contains("proved           on           pdr          1 lemma  "))
      #expect(!printed.contains("certificate:"))
      #expect(printed.contains("error: cannot write \(proofs)/on/on.proof: File too large"))
      #expect(printed.hasSuffix("exit 70\n"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: proofs + "/on") == [])
    }
  }

  @Test("properties of one name, or of one file name: a row and a trace for each, and a warning")
  func sharedName() throws {
    try TemporaryFolder.with { folder in
      let text =
        "--@ variant other: => holds\n" + Texts.counter.replacingOccurrences(of: "--@", with: "--")
        + "invariant \"below two\" x < 3;\ninvariant \"Below-two!\" x < 1;\n"
      let traces = folder.url.appending(path: "traces").path
      let arguments = ["prove", "invariants", "-", "--format", "json", "--traces", traces]
      let result = try CommandLineTool.run(arguments, input: text)
      #expect(result.errors.contains("warning: another property is called `below two`, too"))
      let files = try result.rows().compactMap { $0["trace"]?.text }.map { URL(fileURLWithPath: $0).lastPathComponent }
      #expect(files == ["", "-2", "-3"].map { "stdin.default.below-two\($0).itf.json" })
      #expect(Set(try FileManager.default.contentsOfDirectory(atPath: traces)) == Set(files))
    }
  }
}
