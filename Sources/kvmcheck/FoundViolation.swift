import Checking
import Engines
import Execution
import ExplicitState
import Interchange
import Murphi
import Report
import TransitionSystems

/// A violation that `explore` or `simulate` met: re-executed, named, and ready to be printed or saved.
struct FoundViolation {
  let trace: Trace
  /// As `prove` calls the property.
  let property: String
  let word: ResultRow.Word
  /// The trace as a file has it.
  let document: ITFDocument
  /// Where it was saved; nil if that was not asked for.
  var file: String?

  /// Re-executes the trace. Throws: `Contradiction` if that shows something else.
  init(_ violation: Violation, in instance: Instance, _ program: Program) throws {
    trace = violation.trace
    let question = Question.all(of: instance.model).first { $0.property == violation.property }
    property = question?.name ?? ""
    word = violation.property == .deadlock ? .deadlock : .violated
    do {
      try TraceChecker(program: program).check(trace, violates: violation.property)
    } catch  where !error.isInterruption {
      throw Contradiction(
        subject: property, first: "the search: \(word.rawValue) at depth \(trace.depth)",
        second: "re-execution: step \(error.step): \(error.reason)")
    } catch {
      // Whoever interrupts the command gets the trace as it was found.
    }
    document = ITFDocument(
      origin: ITFDocument.Origin(
        model: instance.loaded.location.name, sha256: instance.loaded.sha256, constants: instance.constants,
        variant: instance.variant?.name, property: property, verdict: word.rawValue,
        deadlock: instance.model.directives.deadlock.rawValue, file: instance.loaded.location.file),
      trace: trace)
  }

  /// Saves the trace, where there is a folder for it. Throws: it cannot be written.
  mutating func save(in folder: TraceFolder?, scope: String) throws(ConsoleError) {
    guard var folder else { return }
    file = try folder.save(document, scope: scope)
  }

  /// The trace for people, and where it was saved.
  var lines: [String] {
    TraceTable(trace, replay: nil).lines(indent: 4) + (file.map { ["  the trace is in \($0)"] } ?? [])
  }
}
