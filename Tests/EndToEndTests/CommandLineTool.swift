import Foundation
import Interchange

/// The built executable, run as a child.
struct CommandLineTool {
  /// The repository's root.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The executable beside the test bundle.
  static let executable: URL = {
    let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let places = [beside, Bundle.main.bundleURL, root.appending(path: ".build/debug")]
    let files = places.map { $0.appending(path: "kvmcheck") }
    return files.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? files[0]
  }()

  /// What a run came to.
  struct Result {
    let status: Int32
    let output: String
    let errors: String

    /// Standard output as JSON. Throws: it is none.
    func json() throws -> JSON { try JSONDecoder().decode(JSON.self, from: Data(output.utf8)) }

    /// The members of `results`.
    func rows() throws -> [JSON] {
      guard case .array(let rows)? = try json()["results"] else { return [] }
      return rows
    }
  }

  /// Runs to the end. Output goes through files, so that no pipe can fill up.
  static func run(_ arguments: [String], input: String = "", in folder: URL = root) throws -> Result {
    try TemporaryFolder.with { scratch in
      let (input, output, errors) = try (
        scratch.file("input", input), scratch.file("output", ""), scratch.file("errors", "")
      )
      let process = try process(arguments, in: folder)
      process.standardInput = try FileHandle(forReadingFrom: input)
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
      process.waitUntilExit()
      return Result(
        status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
        output: try String(contentsOf: output, encoding: .utf8), errors: try String(contentsOf: errors, encoding: .utf8)
      )
    }
  }

  /// Runs until something is printed, then sends the signal. Errors go nowhere.
  static func run(_ arguments: [String], untilOutputThen signal: Int32) throws -> Result {
    let pipe = Pipe()
    let process = try process(arguments)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    var output = pipe.fileHandleForReading.availableData
    kill(process.processIdentifier, signal)
    output += pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: String(decoding: output, as: UTF8.self), errors: "")
  }

  /// A child that is not started yet.
  static func process(_ arguments: [String], in folder: URL = root) throws -> Process {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    return process
  }
}

/// A folder of a test's own, removed afterwards.
struct TemporaryFolder {
  let url: URL

  /// Runs `body` with a fresh folder.
  static func with<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "kvmcheck-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(TemporaryFolder(url: url))
  }

  /// Writes a file.
  func file(_ name: String, _ text: String) throws -> URL { try file(name, Data(text.utf8)) }

  /// Writes a file of any bytes.
  func file(_ name: String, _ data: Data) throws -> URL {
    let file = url.appending(path: name)
    try data.write(to: file)
    return file
  }
}

/// Texts of models that several tests use.
enum Texts {
  /// Counts to `N` and starts again; N + 1 states; "small" holds, "below two" is violated at depth 2.
  static let counter = """
    --@ title A counter
    --@ scope big: N=5
    --@ variant to-one: N=1 => holds "below two"
    const N: 3;
    var x: 0..10;
    startstate "zero" begin x := 0; end;
    rule "up" x < N ==> begin x := x + 1; end;
    rule "again" x = N ==> begin x := 0; end;
    invariant "small" x <= 10;
    invariant "below two" x < 2;

    """
  /// Holds and has two states.
  static let switching = """
    --@ title A switch
    var x: boolean;
    startstate "off" begin x := false; end;
    rule "flip" begin x := !x; end;
    invariant "either" x | !x;

    """
  /// Too many states for anybody to finish.
  static let endless = """
    --@ title An endless one
    var x: 0..1000000000000;
    startstate "zero" begin x := 0; end;
    rule "up" x < 1000000000000 ==> begin x := x + 1; end;
    rule "again" x = 1000000000000 ==> begin x := 0; end;
    invariant "small" x <= 1000000000000;

    """
}
