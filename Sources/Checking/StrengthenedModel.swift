package import Diagnostics
package import Murphi

/// A model with lemmas as its last invariants: what a certificate is about.
///
/// The lemmas' text is refused unless it holds named invariants only, so that it cannot change what the model does.
package struct StrengthenedModel: Sendable {
  /// The model as it is, with the same constants.
  package let plain: TypedModel
  /// With the lemmas.
  package let model: TypedModel
  /// The text of the whole.
  package let text: String
  /// The lemmas' names, in order.
  package let lemmas: [String]

  /// Checks model and lemmas together. Throws: one of them is no legal text, or the second holds something else than invariants.
  package init(_ file: SourceFile, lemmas text: String, constants: [ConstantSetting]) throws(Rejection) {
    let addition = SourceFile(name: "lemmas of \(file.name)", text: text)
    lemmas = try SyntaxTree.parse(addition).namesOfInvariants()
    let own = String(decoding: file.bytes, as: UTF8.self)
    self.text = own + (own.hasSuffix("\n") ? "" : "\n") + text
    plain = try SyntaxTree.parse(file).check(constants: constants).model
    let whole = SourceFile(name: "\(file.name) with lemmas", text: self.text)
    model = try SyntaxTree.parse(whole).check(constants: constants).model
    precondition(
      model.rules.count == plain.rules.count && model.startstates.count == plain.startstates.count
        && model.assumptions.count == plain.assumptions.count
        && model.properties.count == plain.properties.count + lemmas.count,
      "invariants alone change nothing else of a model")
  }
}
