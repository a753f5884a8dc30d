import Foundation
import Interchange
import Testing

@Suite("trace replay and trace check: exit codes, and what they print")
struct TraceCommandTests {
  private static let folder = "Tests/Fixtures/traces/"

  private static func run(_ command: String, _ arguments: [String], input: String = "") throws -> CommandLineTool.Result
  {
    try CommandLineTool.run(["trace", command] + arguments, input: input)
  }

  @Test("0: a recorded trace", arguments: ["replay", "check"])
  func conformant(command: String) throws {
    let result = try Self.run(command, [Self.folder + "6.12.95-s1-2m.trace.gz"])
    #expect(result.status == 0)
    #expect(result.errors == "")
  }

  @Test("bytes behind a gzip stream that are none are left out with a warning", arguments: ["replay", "check"])
  func trailingGarbage(command: String) throws {
    let file = CommandLineTool.root.appending(path: Self.folder + "6.12.95-s1-2m.trace.gz")
    let url = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString)")
    try (Data(contentsOf: file) + Data("rest".utf8)).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let result = try Self.run(command, [url.path])
    #expect(result.status == 0)
    let warning = "warning: 4 bytes behind the end of the gzip stream: trailing garbage ignored"
    #expect(result.errors.contains("\(url.path): \(warning)\n"))
  }

  @Test("another kernel's trace: 50 by replay, 10 by check, with the line")
  func otherKernel() throws {
    let arguments = ["--kernel", "7.3", Self.folder + "6.12.95-s1-2m.trace.gz"]
    let replayed = try Self.run("replay", arguments)
    #expect(replayed.status == 50)
    #expect(replayed.output.contains("  first difference, line "))
    #expect(replayed.output.hasSuffix("  the engine differs\n"))
    let checked = try Self.run("check", arguments)
    #expect(checked.status == 10)
    #expect(checked.output.contains(": violated: a table that is announced as zapped was linked, and its entry goes: "))
  }

  @Test(
    "standard input, read once, is taken for what it is without --kernel",
    arguments: [
      ("6.12.95-s1-4k", "6.12"), ("6.12.95-prove-s2-4k", "6.12-prove"), ("7.3.4-s1-4k", "7.3"),
    ])
  func standardInput(name: String, kernel: String) throws {
    let file = CommandLineTool.root.appending(path: Self.folder + name + ".trace.gz").path
    let text = try Self.unpacked(file)
    for command in ["replay", "check"] {
      let direct = try Self.run(command, [file])
      let piped = try Self.run(command, ["-"], input: text)
      #expect(piped.status == 0)
      #expect(piped.output.contains(", kernel \(kernel)"))
      // The first line names the file.
      #expect(piped.output.split(separator: "\n").dropFirst() == direct.output.split(separator: "\n").dropFirst())
    }
  }

  @Test("a pipe by its name, as <(zcat FILE) gives it, is read once", arguments: ["replay", "check"])
  func namedPipe(command: String) throws {
    let pipe = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString)").path
    try #require(mkfifo(pipe, 0o600) == 0)
    defer { try? FileManager.default.removeItem(atPath: pipe) }
    let file = CommandLineTool.root.appending(path: Self.folder + "7.3.4-s1-4k.trace.gz").path
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "exec cat \(file) > \(pipe)"]
    try process.run()
    let result = try Self.run(command, [pipe])
    process.waitUntilExit()
    #expect(result.status == 0)
    #expect(result.output.contains(", kernel 7.3"))
  }

  @Test("a difference where the trace is out of order, or has lost events, is the trace's")
  func disorder() throws {
    let file = CommandLineTool.root.appending(path: Self.folder + "7.3.4-s1-4k.trace.gz").path
    var lines = try Self.unpacked(file).split(separator: "\n", omittingEmptySubsequences: false)
    lines.swapAt(299, 300)
    let swapped = try Self.run("replay", ["-"], input: lines.joined(separator: "\n"))
    #expect(swapped.status == 40)
    #expect(swapped.errors.hasSuffix("time goes back behind line 300: the trace has been reordered\n"))
  }

  /// The text of a gzip file.
  private static func unpacked(_ path: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-dc", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    defer { process.waitUntilExit() }
    return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  }

  @Test("30: interrupted while it waits for standard input, with what was read so far", arguments: ["replay", "check"])
  func interrupted(command: String) throws {
    let process = Process()
    process.executableURL = CommandLineTool.executable
    process.arguments = ["trace", command, "-"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    // More than a pipe holds: when all of it is written the command is reading, so it is ready for the signal.
    let line = "a-1 [000] 1.0: kvm_entry: vcpu 0\n"
    try input.fileHandleForWriting.write(contentsOf: Data(String(repeating: line, count: 1 << 15).utf8))
    process.interrupt()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 30)
    #expect(text.contains(/stopped behind line [0-9]+: the rest was not read/))
  }

  @Test(
    "12: no event of kvmmmu, nothing claimed", arguments: ["", "# tracer: nop\n", "a-1 [000] 1.0: kvm_entry: vcpu 0\n"])
  func vacuous(text: String) throws {
    let replayed = try Self.run("replay", ["-"], input: text)
    #expect(replayed.status == 12)
    #expect(replayed.output.hasSuffix("  nothing was compared: the trace has no event of the group kvmmmu\n"))
    let checked = try Self.run("check", ["-"], input: text)
    #expect(checked.status == 12)
    #expect(checked.output.hasSuffix("  nothing was checked: the trace has no event of the group kvmmmu\n"))
    let json = try Self.run("replay", ["-", "--format", "json"], input: text).json()
    #expect(json["ok"] == .boolean(false))
  }

  @Test(
    "40: what cannot be read, with file and line and nothing on standard output",
    arguments: [
      ("nonsense\n", "-: line 1: not a line of a trace: nonsense\n"),
      ("\nCPU:1 [7 EVENTS DROPPED]\n", "-: line 2: the recorder lost events here: CPU:1 [7 EVENTS DROPPED]\n"),
      ("a-1 [000] 1.0: kvm_tdp_m", "-: line 1: no event's name, the line is cut off or corrupt: \n"),
    ])
  func unreadable(text: String, message: String) throws {
    for command in ["replay", "check"] {
      let result = try Self.run(command, ["-"], input: text)
      #expect(result.status == 40)
      #expect(result.output == "")
      #expect(result.errors.hasSuffix(message))
    }
    let missing = try Self.run("replay", ["/nonexistent/trace"])
    #expect(missing.status == 40)
    #expect(missing.errors.hasSuffix("/nonexistent/trace: cannot be opened: No such file or directory\n"))
  }
}
