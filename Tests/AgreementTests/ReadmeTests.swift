import Foundation
import Murphi
import Testing

/// What the README says of the models is what their heads say. `KVMCHECK_BLESS=1` rewrites those sections.
@Suite("README", .serialized)
struct ReadmeTests {
  static let file = ShippedModel.root.appending(path: "README.md")

  /// The README's lines.
  private func lines() throws -> [String] {
    try String(contentsOf: Self.file, encoding: .utf8).components(separatedBy: "\n")
  }

  /// Where a model's section stands: from its heading up to the next one.
  private func section(of name: String, in lines: [String]) -> Range<Int>? {
    guard let start = lines.firstIndex(where: { $0.hasPrefix("### \(name):") }) else { return nil }
    let end = lines[(start + 1)...].firstIndex { $0.hasPrefix("#") } ?? lines.count
    return start..<end
  }

  @Test("a section for every model, as its head says", arguments: ShippedModel.names)
  func model(_ name: String) throws {
    let expected = Section(model: try ShippedModel(name).plain, name: name).lines
    var lines = try lines()
    let range = try #require(section(of: name, in: lines), "there is no section")
    if ProcessInfo.processInfo.environment["KVMCHECK_BLESS"] == "1" {
      lines.replaceSubrange(range, with: expected)
      try lines.joined(separator: "\n").write(to: Self.file, atomically: true, encoding: .utf8)
    } else {
      #expect(Array(lines[range]) == expected)
    }
  }

  @Test("no section for anything else")
  func sections() throws {
    let found = try lines().filter { $0.hasPrefix("### ") }.map { $0.dropFirst(4).prefix { $0 != ":" } }
    #expect(found.map(String.init).sorted() == ShippedModel.names)
  }

  @Test("a row for every real bug", arguments: RealBugTests.bugs)
  func bug(_ bug: RealBugTests.Bug) throws {
    #expect(try lines().filter { $0.hasPrefix("| \(bug.id) |") } == [bug.row])
  }

  @Test("the counts of the example are the model's")
  func example() throws {
    let count = try #require(ModelTests.counts.first { $0.model == "vm-types" })
    let states = count.states.formatted(.number.grouping(.automatic).locale(Locale(identifier: "en_US")))
    #expect(try lines().contains { $0.contains("explicit     \(states) states, diameter \(count.diameter) ") })
  }

  /// A model's part of the README.
  private struct Section {
    let model: TypedModel
    let name: String

    /// Heading, scopes, invariants, what holds all the same, assumptions; then a blank line.
    var lines: [String] {
      var lines = ["### \(name): \(model.directives.title ?? "")", ""]
      if let scopes { lines += [scopes, ""] }
      lines += ["| invariant | falls in variant (ends on the engine in) |", "|---|---|"]
      lines += model.properties.compactMap(\.name).map { "| \($0) | \(falls($0)) |" }
      if let rest { lines += ["", rest] }
      lines += ["", "Assumed, and not modelled:", ""] + model.directives.abstractions.map { "- \($0)" }
      return lines + [""]
    }

    /// The sizes of the default scope, and the other scopes; nil where there is neither.
    private var scopes: String? {
      let counts = Set(model.scalarsets.map(\.size))
      let sizes = model.constants.filter { $0.type == .integer && counts.contains($0.raw) }
        .map { "\($0.name) \($0.text)" }
      let others = model.directives.scopes.map { scope in
        "\(scope.name): " + scope.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
      }
      let parts = [
        sizes.isEmpty ? "" : "Default scope: \(sizes.joined(separator: ", ")).",
        others.isEmpty ? "" : "Other scopes: \(others.joined(separator: "; ")).",
      ].filter { !$0.isEmpty }
      return parts.isEmpty ? nil : parts.joined(separator: " ")
    }

    /// The variants in which a property falls.
    private func falls(_ property: String) -> String {
      let names = model.directives.variants.compactMap { variant -> String? in
        for case .violates(property, let event) in variant.outcomes {
          return variant.name + (event.map { " (`\($0)`)" } ?? "")
        }
        return nil
      }
      return names.isEmpty ? "–" : names.joined(separator: "; ")
    }

    /// The variants that break nothing, and those that stop.
    private var rest: String? {
      let variants = model.directives.variants
      let holding = variants.filter { $0.outcomes == [.holds(property: nil)] }.map(\.name)
      let stuck = variants.filter { $0.outcomes.contains(.deadlock) }.map(\.name)
      let parts = [
        holding.isEmpty ? "" : "Variants in which everything holds: \(holding.joined(separator: ", ")).",
        stuck.isEmpty ? "" : "Variants that end in a deadlock: \(stuck.joined(separator: ", ")).",
      ].filter { !$0.isEmpty }
      return parts.isEmpty ? nil : parts.joined(separator: " ")
    }
  }
}
