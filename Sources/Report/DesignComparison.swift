package import Interchange
import Replay

/// Designs that answer the same question, side by side: what holds in each, what breaks, and where that shows.
///
/// A question is what variants name with `design`; its designs are the file as it stands and these variants.
package struct DesignComparison: Sendable {
  /// One way to build it.
  package struct Design: Sendable {
    /// The variant's name; nil for the file as it stands.
    package let variant: String?
    package let scope: String
    /// The constants in which it differs from the file as it stands.
    package let differences: [NamedText]
    /// What was decided of it.
    package let rows: [ResultRow]

    package init(variant: String?, scope: String, differences: [NamedText], rows: [ResultRow]) {
      self.variant = variant
      self.scope = scope
      self.differences = differences
      self.rows = rows
    }
  }

  /// What variants name with `design`.
  package let question: String
  /// The model's bare name.
  package let model: String
  package let file: String
  /// The file as it stands first, then variants in the file's order.
  package let designs: [Design]

  /// The questions of a file, each where it is named first, from all rows of the file as it stands and of its variants.
  package static func questions(of rows: [ResultRow]) -> [DesignComparison] {
    let base = rows.filter { $0.variant == nil }
    var questions: [String] = []
    for case let question? in rows.map(\.design) where !questions.contains(question) { questions.append(question) }
    return questions.map { question in
      let own = rows.filter { $0.design == question }
      var variants: [String] = []
      for case let variant? in own.map(\.variant) where !variants.contains(variant) { variants.append(variant) }
      let named = Set(own.map(\.property))
      let asItStands = Design(
        variant: nil, scope: base.first?.scope ?? "default", differences: [],
        rows: base.filter { named.contains($0.property) })
      return DesignComparison(
        question: question, model: own[0].model, file: own[0].file,
        designs: [asItStands]
          + variants.map { variant in
            let rows = own.filter { $0.variant == variant }
            return Design(
              variant: variant, scope: rows[0].scope,
              differences: rows[0].constants.filter { !(base.first?.constants.contains($0) ?? false) }, rows: rows)
          })
    }
  }

  /// Every property that some variant of the question names, in the file's order where the file as it stands was decided.
  private var properties: [String] {
    var names: [String] = []
    for row in designs.flatMap(\.rows) where !names.contains(row.property) { names.append(row.property) }
    return names
  }
}

extension DesignComparison {
  /// A letter per design, a line per property (`off`: true by the design's constants), and then where each violation shows.
  package var text: String {
    var lines = ["\(question)", "  \(model), \(file)"]
    for (letter, design) in lettered {
      let differences = design.differences.map { "\($0.name)=\($0.text)" }.joined(separator: " ")
      let name = (design.variant ?? "the file as it stands") + ", scope \(design.scope)"
      lines += TextReport.wrapped(
        name + (differences.isEmpty ? "" : ": \(differences)"), indent: 2, head: letter + "  ", hanging: 5)
    }
    let cells = properties.map { property in designs.map { $0.cell(of: property) } }
    let width = (cells.flatMap(\.self).map(\.count).max() ?? 0) + 2
    lines += ["", "  " + lettered.map { $0.0.padding(to: width) }.joined() + "property"]
    for (property, words) in zip(properties, cells) {
      let head = words.map { $0.padding(to: width) }.joined()
      lines += TextReport.wrapped(property, indent: 2, head: head, hanging: 2 + width * designs.count)
    }
    if cells.contains(where: { $0.contains("-") }) { lines.append("  - nobody asks that of this design") }
    if designs.flatMap(\.rows).contains(where: { $0.designWord.hasSuffix("*") }) {
      lines.append("  * for every size")
    }
    let remarks = lettered.flatMap { letter, design in
      design.rows.filter { $0.trace != nil || !$0.asExpected }.map { row in
        TextReport.wrapped("\(row.property): \(row.designRemark)", indent: 2, head: letter + "  ", hanging: 5)
      }
    }
    if !remarks.isEmpty { lines.append("") }
    lines += remarks.flatMap(\.self)
    return lines.joined(separator: "\n") + "\n"
  }

  /// The designs, A, B, C …, after Z by number.
  private var lettered: [(String, Design)] {
    designs.enumerated().map { index, design in
      (index < 26 ? String(UnicodeScalar(UInt8(ascii: "A") + UInt8(index))) : "\(index + 1)", design)
    }
  }

  /// The machine-readable form; a field without a value is null.
  package var json: JSON {
    .object([
      "question": .string(question), "model": .string(model), "file": .string(file),
      "designs": .array(
        designs.map { design in
          .object([
            "variant": design.variant.map(JSON.string) ?? .null, "scope": .string(design.scope),
            "results": .array(design.rows.map(JSONReport.row)),
          ])
        }),
    ])
  }
}

extension ResultRow {
  /// What a design's cell says: the verdict, short enough for eight designs beside each other.
  fileprivate var designWord: String {
    if isSwitchedOff { return "off" }
    return verdict == .provedAnySize ? ResultRow.Word.proved.rawValue + "*" : verdict.rawValue
  }

  /// Where a violation shows, and whether a row came out otherwise than the file says.
  fileprivate var designRemark: String {
    var parts = [detail.isEmpty ? verdict.rawValue : detail]
    if let replay { parts.append(replay.word + (engineEvent.map { " (\($0))" } ?? "")) }
    if contradictsItsFile {
      parts.append("UNEXPECTED" + (expected.map { " (expected: \($0.rawValue))" } ?? ""))
    }
    return parts.joined(separator: "; ")
  }
}

extension DesignComparison.Design {
  /// What is known of a property: all that is, where several are called the same.
  fileprivate func cell(of property: String) -> String {
    var words: [String] = []
    for row in rows where row.property == property && !words.contains(row.designWord) { words.append(row.designWord) }
    return words.isEmpty ? "-" : words.joined(separator: "/")
  }
}
