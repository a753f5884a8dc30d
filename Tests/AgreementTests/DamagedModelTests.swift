import Diagnostics
import Elaboration
import Execution
import ExplicitState
import Foundation
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// Shipped models with a few bytes damaged: rejected with located diagnostics or run as far as a small budget goes, never a crash.
///
/// `KVMCHECK_DAMAGED` says how many of each model, `KVMCHECK_DAMAGED_SEED` from which seed on; with `KVMCHECK_DAMAGED_FILE` each text is
/// written there before it is read, so that a crash leaves the one that caused it.
@Suite("Damaged models")
struct DamagedModelTests {
  private static func number(_ name: String, or standard: UInt64) -> UInt64 {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
  }

  /// Words that change what a model means, or that stand at a limit.
  private static let words = [
    "0", "1", "-1", "true", "4611686018427387904", "9223372036854775807", "9223372036854775808", "enum {}",
    "scalarset(0)",
    "0..-1", "boolean", "undefined", "isundefined(", "exists", "forall", "==>", "end", ";", "(", ")", "--@ ", "\"",
    "/*", "é",
    "[", "]", ":=", "=", "->", "?", ":", "..", "%", "/ 0", "<< 70", "begin", "do", "clear ", "undefine ", "return",
  ]

  /// A damaged copy of a text.
  private static func damage(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<12, using: &generator) {
      case 0: bytes.removeLast(bytes.count - place)
      case 1: bytes.removeFirst(place)
      case 2, 3: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 4: bytes[place] = UInt8.random(in: 32..<127, using: &generator)
      case 5: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &generator)))
      case 6:
        let from = Int.random(in: 0..<bytes.count, using: &generator)
        bytes.insert(contentsOf: Array(bytes[from..<min(bytes.count, from + 60)]), at: place)
      case _: replaceWord(&bytes, at: place, &generator)
      }
    }
    return bytes
  }

  /// Puts a word of the list, or another one of the text, where a word stands.
  private static func replaceWord(_ bytes: inout [UInt8], at place: Int, _ generator: inout SeededGenerator) {
    func word(at place: Int) -> Range<Int> {
      var (start, end) = (place, place)
      while start > 0, isWord(bytes[start - 1]) { start -= 1 }
      while end < bytes.count, isWord(bytes[end]) { end += 1 }
      return start..<max(end, min(bytes.count, place + 1))
    }
    let other = word(at: Int.random(in: 0..<bytes.count, using: &generator))
    let new = generator.once(in: 2) ? Array(generator.pick(words).utf8) : Array(bytes[other])
    bytes.replaceSubrange(word(at: place), with: new)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
  }

  /// Reads and checks a text, and runs what is accepted for a little while. Returns: whether it was accepted.
  private func run(_ bytes: [UInt8]) throws -> Bool {
    let model: TypedModel
    do throws(Rejection) {
      model = try SyntaxTree.parse(SourceFile.load(bytes: bytes, name: "damaged.m")).check().model
    } catch {
      #expect(error.diagnostics.contains { $0.severity == .error })
      for diagnostic in error.diagnostics {
        let isInside = 0 <= diagnostic.at.start && diagnostic.at.start <= diagnostic.at.end
        #expect(isInside && diagnostic.at.end <= bytes.count, "\(diagnostic)")
        _ = DiagnosticRenderer.render(diagnostic, in: error.file)
      }
      return false
    }
    let program: Program
    do throws(EnumerationLimit) { program = try Program(model: model) } catch { return true }
    let options = SearchOptions(
      stop: .whenExhausted, budget: Budget(states: 40, bytes: 1 << 26), deadlock: model.directives.deadlock)
    _ = BreadthFirstSearch(program, options: options).run()
    return true
  }

  @Test("are rejected or run, and nothing crashes", arguments: ShippedModel.names)
  func damaged(_ name: String) throws {
    let bytes = Array(try ShippedModel(name).text.utf8)
    let first = Self.number("KVMCHECK_DAMAGED_SEED", or: 1)
    let path = ProcessInfo.processInfo.environment["KVMCHECK_DAMAGED_FILE"]
    var accepted = 0
    let count = Self.number("KVMCHECK_DAMAGED", or: 40)
    for seed in first..<first + count {
      var generator = SeededGenerator(seed: seed)
      let text = Self.damage(bytes, &generator)
      if let path { try Data(text).write(to: URL(fileURLWithPath: "\(path).\(name)")) }
      if try run(text) { accepted += 1 }
    }
    print("\(name): \(accepted) of \(count) accepted")
    #expect(accepted > 0 && accepted < count)
  }
}
