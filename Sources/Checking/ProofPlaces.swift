import Diagnostics
import Murphi

/// Where in a proof's file its lemmas are at fault.
///
/// Lemmas are checked in a text of their own making (`StrengthenedModel`); what is wrong with them is found once more in the file as it
/// lies on disk, whose directives are blanked so that every byte keeps its place.
struct ProofPlaces {
  private let proof: SourceFile
  /// The proof's text without directives.
  private let lemmas: String

  init(_ proof: SourceFile) {
    self.proof = proof
    let text = String(decoding: proof.bytes, as: UTF8.self)
    lemmas = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("--@") ? String(repeating: " ", count: line.utf8.count) : String(line)
    }.joined(separator: "\n")
  }

  /// The rejection with the proof's places; as it is where it speaks of the model, or where nothing of the kind is found in the proof.
  func located(_ rejection: Rejection, of model: SourceFile, constants: [ConstantSetting]) -> Rejection {
    if rejection.file == model { return rejection }
    do {
      _ = try SyntaxTree.parse(SourceFile(name: proof.name, text: lemmas)).namesOfInvariants()
    } catch {
      return Rejection(file: proof, diagnostics: error.diagnostics)
    }
    let own = String(decoding: model.bytes, as: UTF8.self) + "\n"
    do {
      _ = try SyntaxTree.parse(SourceFile(name: model.name, text: own + lemmas)).check(constants: constants)
      return rejection
    } catch {
      let found = error.diagnostics.compactMap { moved($0, by: own.utf8.count, model) }
      guard found.contains(where: { $0.severity == .error }) else { return rejection }
      return Rejection(file: proof, diagnostics: found)
    }
  }

  /// A diagnostic of model and lemmas together; nil if it is the model's. Notes that point into the model say so in words.
  private func moved(_ diagnostic: Diagnostic, by offset: Int, _ model: SourceFile) -> Diagnostic? {
    guard let place = moved(diagnostic.at, by: offset) else { return nil }
    let notes = diagnostic.notes.map { note in
      if let own = moved(note.at, by: offset) { return Diagnostic.Note(note.message, at: own) }
      let position = model.position(of: note.at.start)
      return Diagnostic.Note("\(note.message) (\(model.name):\(position.line):\(position.column))", at: place)
    }
    return Diagnostic(diagnostic.id, diagnostic.severity, diagnostic.message, at: place, notes: notes)
  }

  private func moved(_ range: SourceRange, by offset: Int) -> SourceRange? {
    range.start < offset ? nil : SourceRange(start: range.start - offset, end: range.end - offset)
  }
}
