import Diagnostics
import Execution
import Interchange
import Murphi
import Report

/// What the commands that run one instance by `Execution` have in common: loading it, and an object of JSON even where that fails.
struct InstanceSession {
  let arguments: InstanceArguments
  let format: RunOptions.Format
  let console: Console
  /// The object of a model that was not run, with its verdict.
  let undecided: (ResultRow.Word, ModelLocator.Location, InstanceArguments) -> JSON

  /// The instance and its program; warnings are said. Throws: what is wrong with the model or with the command line.
  func load() throws -> (Instance, Program) {
    let instance: Instance
    do { instance = try arguments.instance() } catch let rejection as Rejection {
      try writeUndecided(.rejected, try arguments.location())
      throw rejection
    }
    for warning in instance.renderedWarnings { console.diagnose(warning) }
    do { return (instance, try Program(model: instance.model)) } catch {
      try writeUndecided(.limit, instance.loaded.location)
      throw error
    }
  }

  private func writeUndecided(_ word: ResultRow.Word, _ location: ModelLocator.Location) throws {
    guard format == .json else { return }
    try console.write(undecided(word, location, arguments).document)
    try console.finish()
  }

  /// Does what saves a trace. Returns: why it could not be saved, to be thrown once the results are out.
  func saving(_ save: () throws(ConsoleError) -> Void) -> ConsoleError? {
    do throws(ConsoleError) {
      try save()
      return nil
    } catch {
      return error
    }
  }
}

extension Instance {
  /// The first line of what is printed about it.
  var heading: String { "\(loaded.location.name), scope \(scope)" + (variant.map { ", variant \($0.name)" } ?? "") }
}

extension Question {
  /// The question of this name. Throws: `UnknownName`.
  static func named(_ name: String, in model: TypedModel) throws -> Question {
    let all = all(of: model)
    guard let found = all.first(where: { $0.name == name }) else {
      throw UnknownName(kind: "property", name: name, known: all.map(\.name))
    }
    return found
  }
}

extension JSON {
  /// The value as a text of its own.
  var document: String { String(decoding: encoded(), as: UTF8.self) }
}

/// How often each rule fired.
struct RuleCounts {
  private let rules: [(name: String, fired: Int)]

  init(_ rules: [(name: String, fired: Int)]) { self.rules = rules }

  /// A line per rule, the counts aligned.
  var lines: [String] {
    let width = String(rules.map(\.fired).max() ?? 0).count + 4
    return rules.map { rule in
      let count = rule.fired.grouped
      return "  " + String(repeating: " ", count: max(0, width - count.count)) + count + "  " + rule.name
    }
  }

  var json: JSON { .array(rules.map { .object(["name": .string($0.name), "fired": .integer($0.fired)]) }) }
}
