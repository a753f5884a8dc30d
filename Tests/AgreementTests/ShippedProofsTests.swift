import Checking
import Diagnostics
import Foundation
import Murphi
import Testing
import TransitionSystems

/// The certificates under Proofs/: one for every property of every model, written as the README says. Whether they hold is what
/// `kvmcheck certificate check` says in CI, with two solvers.
@Suite("Shipped proofs")
struct ShippedProofsTests {
  /// The certificates of a model, by property.
  private func certificates(of name: String) throws -> [String: CertificateFile] {
    let folder = ShippedModel.root.appending(path: "Proofs/\(name)")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    var result: [String: CertificateFile] = [:]
    for file in files {
      let text = try String(contentsOf: file, encoding: .utf8)
      let certificate = try CertificateFile(parsing: text)
      #expect(certificate.text == text, "\(file.lastPathComponent) is not as it would be written")
      #expect(result[certificate.property] == nil)
      result[certificate.property] = certificate
    }
    return result
  }

  @Test("every property of every model has one", arguments: ShippedModel.names)
  func complete(_ name: String) throws {
    let model = try ShippedModel(name).plain
    let expected = model.properties.compactMap(\.name) + model.assertions.compactMap(\.name) + ["no run-time error"]
    #expect(try certificates(of: name).keys.sorted() == expected.sorted())
  }

  @Test("they speak of the model's default scope, and their lemmas are Murphi", arguments: ShippedModel.names)
  func fit(_ name: String) throws {
    let path = ShippedModel.root.appending(path: "Models/\(name).m")
    let file = SourceFile(name: "Models/\(name).m", text: try String(contentsOf: path, encoding: .utf8))
    let model = try ShippedModel(name).plain
    let values = Dictionary(uniqueKeysWithValues: model.constants.map { ($0.name, $0.text) })
    for (property, certificate) in try certificates(of: name) {
      #expect(certificate.model == file.name)
      #expect(certificate.settings.allSatisfy { values[$0.name] == $0.value }, "\(property)")
      _ = try CertificateChecker(certificate, of: file) { model in
        if property == "no run-time error" { return .runTimeErrors }
        if let index = model.properties.firstIndex(where: { $0.name == property }) { return .invariant(index) }
        return model.assertions.firstIndex { $0.name == property }.map(PropertyID.assertion)
      }
    }
  }

  @Test("the README's table is what lies there")
  func table() throws {
    var expected: Set<String> = []
    for name in ShippedModel.names {
      for (property, certificate) in try certificates(of: name) {
        let sizes: String
        switch certificate.sizes {
        case .any: sizes = "any"
        case .these(let settings):
          let words = settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
          sizes = words.isEmpty ? "no scalarsets" : words
        }
        expected.insert("| \(name) | \(property) | \(certificate.lemmas.count) | \(sizes) |")
      }
    }
    let readme = try String(contentsOf: ShippedModel.root.appending(path: "README.md"), encoding: .utf8)
    let lines = readme.components(separatedBy: "\n")
    let start = try #require(lines.firstIndex(of: "| model | property | lemmas | sizes | check, s |"))
    let rows = lines[(start + 2)...].prefix { $0.hasPrefix("|") }
    let found = rows.map { row in
      row.components(separatedBy: " | ").dropLast().joined(separator: " | ") + " |"
    }
    #expect(found.count == expected.count)
    #expect(Set(found) == expected)
  }
}
