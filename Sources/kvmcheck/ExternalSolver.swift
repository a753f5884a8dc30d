import Checking
import Foundation
import Synchronization

/// Another program that reads SMT-LIB and answers `check-sat`.
final class ExternalSolver: Sendable {
  /// As reports call it.
  let name: String
  private let path: String
  private let arguments: [String]
  /// The children that run, and whether any more may be started.
  private let children = Mutex<(running: Set<Int32>, isStopped: Bool)>(([], false))

  /// Finds the program: by name on the path, or where it lies. Throws: there is none.
  init(named text: String) throws(UsageError) {
    let folders =
      text.contains("/")
      ? [""] : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/" }
    guard let found = folders.map({ $0 + text }).first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw UsageError("--solver \(text): no such program")
    }
    path = found
    name = URL(fileURLWithPath: found).lastPathComponent
    // Where matching saturates cvc5 gives up unless it may enumerate instances.
    arguments = name.hasPrefix("cvc5") ? ["--incremental", "--lang", "smt2", "--enum-inst"] : []
  }

  /// The first obligation that the program does not call `unsat`; nil if there is none. `needed` are the lemmas that may be enough for
  /// each; what `known` holds is not asked again. Throws: it cannot be run.
  func firstUnmet(
    of obligations: Obligations, needing needed: [Set<Int>?], known: SettledQuestions.Ledger
  ) throws -> String? {
    let open = obligations.obligations.indices.filter { known.premises(of: $0) == nil }
    if open.isEmpty { return nil }
    var asked = obligations
    asked.obligations = open.map { obligations.obligations[$0] }
    if let reason = try firstUnmet(of: asked, needing: open.map { needed[$0] }) { return reason }
    for index in open { known.settle(index, by: needed[index] ?? Set(obligations.lemmas.indices)) }
    return nil
  }

  /// Asks all of them.
  private func firstUnmet(of obligations: Obligations, needing needed: [Set<Int>?]) throws -> String? {
    let notAsked = obligations.obligations.first.map { "\($0.name): not asked" }
    if children.withLock(\.isStopped) { return notAsked }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("kvmcheck-\(UUID().uuidString).smt2")
    try Data(obligations.script(needing: needed).utf8).write(to: file)
    defer { unlink(file.path) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments + [file.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    let isStarted = try children.withLock { children in
      if children.isStopped { return false }
      try process.run()
      children.running.insert(process.processIdentifier)
      return true
    }
    if !isStarted { return notAsked }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    children.withLock { _ = $0.running.remove(process.processIdentifier) }
    return Self.firstUnmet(in: String(decoding: data, as: UTF8.self), of: obligations, name)
  }

  /// Ends the program wherever it runs, for good: what is asked from now on is not answered.
  ///
  /// By the signal that nobody can put off: solvers catch others, and a child has the signal mask of the thread that started it, which
  /// blocks them where it is one of Dispatch's.
  func stop() {
    children.withLock { children in
      children.isStopped = true
      for process in children.running { _ = kill(process, SIGKILL) }
    }
  }

  /// Each obligation's name and then its answer, in order; anything else is not believed.
  private static func firstUnmet(in text: String, of obligations: Obligations, _ solver: String) -> String? {
    let lines = text.split(separator: "\n").map { String($0) }
    for (position, obligation) in obligations.obligations.enumerated() {
      let answer = 2 * position + 1 < lines.count ? lines[2 * position + 1] : "nothing"
      let echoed = 2 * position < lines.count ? lines[2 * position].filter { $0 != "\"" } : ""
      guard echoed == obligation.name.filter({ $0 != "\"" }), answer == "unsat" else {
        return "\(obligation.name): \(solver) says \(answer)"
      }
    }
    return nil
  }
}
