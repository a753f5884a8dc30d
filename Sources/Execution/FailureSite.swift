package import Diagnostics
import Murphi
import TransitionSystems

/// What a failing instruction means.
struct FailureSite {
  /// In words; `$` stands for the value of `register`.
  let message: String
  /// Which property the failure violates.
  let property: PropertyID
  /// The operand at fault; nil where there is no place.
  let range: SourceRange?
  /// The register whose value the message names.
  var register: Int?

  init(_ message: String, at range: SourceRange?, property: PropertyID = .runTimeErrors, register: Int? = nil) {
    self.message = message
    self.range = range
    self.property = property
    self.register = register
  }

  /// The failure, with the value that the register held.
  func failure(value: Int?, file: SourceFile) -> RunTimeFailure {
    var text = ""
    for character in message {
      if character == "$", register != nil, let value { text += "\(value)" } else { text.append(character) }
    }
    let location = range.map { range in
      let position = file.position(of: range.start)
      return "\(position.line):\(position.column)"
    }
    return RunTimeFailure(property: property, message: text, location: location)
  }
}

/// A compiled piece: what `Machine` runs.
struct Code {
  var instructions: [Instruction] = []
  /// By instruction.
  var sites: [Int: FailureSite] = [:]
  /// Registers of an activation that no call made, and the words that its locals take.
  var registers = 1
  var frameWords = 0
  /// Covers and implications that instructions name.
  var covers = 0
  var implications: [Implication] = []
}

/// An implication in a top-level property, as written once.
package struct Implication: Hashable, Sendable {
  /// The property: the position in `TypedModel.properties`.
  package let property: Int
  /// The implication's place.
  package let range: SourceRange

  package init(property: Int, range: SourceRange) {
    self.property = property
    self.range = range
  }
}
