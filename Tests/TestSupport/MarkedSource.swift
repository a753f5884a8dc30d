package import Diagnostics
package import Murphi

/// A text with ①, ②, … in it, which are taken out and remembered: where diagnostics are expected.
package struct MarkedSource: Sendable {
  /// The text without the markers.
  package let file: SourceFile
  /// The offset of each marker, ① first.
  package let offsets: [Int]

  package init(_ text: String, name: String = "test.m") {
    let markers = Array("①②③④⑤⑥⑦⑧⑨")
    var plain = ""
    var found: [Int: Int] = [:]
    for character in text {
      if let position = markers.firstIndex(of: character) {
        found[position] = plain.utf8.count
      } else {
        plain.append(character)
      }
    }
    file = SourceFile(name: name, text: plain)
    offsets = found.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Everything that the front end says about the text, warnings included.
  package func diagnostics(constants: [ConstantSetting] = []) -> [Diagnostic] {
    do throws(Rejection) {
      return try SyntaxTree.parse(file).check(constants: constants).warnings
    } catch {
      return error.diagnostics
    }
  }

  /// The identifiers of what the front end says, each with the marker (from 1) at which it stands, or 0.
  package func findings(constants: [ConstantSetting] = []) -> [String] {
    diagnostics(constants: constants).map { diagnostic in
      let marker = offsets.firstIndex(of: diagnostic.at.start).map { $0 + 1 } ?? 0
      return "\(diagnostic.id)@\(marker)"
    }
  }
}

/// Parses and checks a text that has no errors.
///
/// Throws: the rejection, if it has some after all.
package func checkedModel(_ text: String, constants: [ConstantSetting] = []) throws(Rejection) -> TypedModel {
  try SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check(constants: constants).model
}
