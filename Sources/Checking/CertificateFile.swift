package import Murphi

/// A proof as a file: what it is about, and the lemmas. Legal Murphi, so that people read it like a model.
///
/// The same proof gives the same bytes: no times, no versions.
package struct CertificateFile: Hashable, Sendable {
  /// For which sizes of the scalarsets.
  package enum Sizes: Hashable, Sendable {
    case any
    case these([ConstantSetting])
  }
  /// The model's file, as `Models/sept-teardown.m`.
  package var model: String
  /// SHA-256 of the model's bytes, in hexadecimal.
  package var sha256: String
  /// The constants that are no sizes, in file order.
  package var constants: [ConstantSetting]
  package var sizes: Sizes
  package var property: String
  package var foundBy: String
  package var lemmas: [Certification.Lemma]

  package init(
    model: String, sha256: String, constants: [ConstantSetting], sizes: Sizes, property: String, foundBy: String,
    lemmas: [Certification.Lemma]
  ) {
    self.model = model
    self.sha256 = sha256
    self.constants = constants
    self.sizes = sizes
    self.property = property
    self.foundBy = foundBy
    self.lemmas = lemmas
  }

  /// The file's text.
  package var text: String {
    var lines = ["--@ certificate 1", "--@ model \(model)", "--@ sha256 \(sha256)"]
    if !constants.isEmpty { lines.append("--@ constants " + Self.words(constants)) }
    switch sizes {
    case .any: lines.append("--@ sizes any")
    case .these(let sizes): if !sizes.isEmpty { lines.append("--@ sizes " + Self.words(sizes)) }
    }
    lines += ["--@ property \"\(property)\"", "--@ found-by \(foundBy)", ""]
    return lines.joined(separator: "\n") + "\n" + Certification.text(of: lemmas)
  }

  /// What the model's constants are set to.
  package var settings: [ConstantSetting] {
    switch sizes {
    case .any: constants
    case .these(let sizes): constants + sizes
    }
  }

  private static func words(_ settings: [ConstantSetting]) -> String {
    settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
  }
}

/// Why a file is no certificate: what was found and what was expected, and in which line.
package struct MalformedCertificate: Error, Hashable, Sendable {
  package let line: Int
  package let reason: String
}

extension CertificateFile {
  /// Reads a file's text. The lemmas' expressions are checked by whoever puts them into the model.
  package init(parsing text: String) throws(MalformedCertificate) {
    var reader = Reader()
    var body: [Substring] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("--@") {
        try reader.read(line.dropFirst(3).drop { $0 == " " }, line: number + 1)
        body.append("")
      } else {
        body.append(line)
      }
    }
    self = try reader.certificate(lemmas: Self.lemmas(in: body))
  }

  /// `invariant "name" expression;`, one after the other.
  private static func lemmas(in lines: [Substring]) throws(MalformedCertificate) -> [Certification.Lemma] {
    var lemmas: [Certification.Lemma] = []
    var name: String?
    var expression = ""
    for (index, line) in lines.enumerated() {
      let words = line.trimming(" \t\r")
      if words.isEmpty || words.hasPrefix("--") { continue }
      if name == nil {
        let parts = words.split(separator: "\"", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].trimming(" ") == "invariant" else {
          throw MalformedCertificate(line: index + 1, reason: "expected `invariant \"name\"`, found `\(words)`")
        }
        name = String(parts[1])
        expression = parts[2...].joined(separator: "\"").trimming(" ")
      } else {
        expression += (expression.isEmpty ? "" : " ") + words
      }
      if expression.hasSuffix(";"), let known = name {
        lemmas.append(Certification.Lemma(name: known, text: String(expression.dropLast())))
        name = nil
      }
    }
    if let name {
      throw MalformedCertificate(line: lines.count, reason: "lemma \"\(name)\" does not end: expected `;`")
    }
    return lemmas
  }

  /// Collects the directives.
  private struct Reader {
    private var values: [String: (text: String, line: Int)] = [:]
    private static let known = ["certificate", "model", "sha256", "constants", "sizes", "property", "found-by"]

    mutating func read(_ directive: Substring, line: Int) throws(MalformedCertificate) {
      let keyword = String(directive.prefix { $0 != " " })
      guard Self.known.contains(keyword) else {
        throw MalformedCertificate(
          line: line,
          reason: "`\(keyword)` is no directive of a certificate; expected one of "
            + Self.known.joined(separator: ", "))
      }
      guard values[keyword] == nil else {
        throw MalformedCertificate(line: line, reason: "`\(keyword)` was said before")
      }
      values[keyword] = (directive.dropFirst(keyword.count).trimming(" \t\r"), line)
    }

    func certificate(lemmas: [Certification.Lemma]) throws(MalformedCertificate) -> CertificateFile {
      let version = try required("certificate")
      guard version == "1" else {
        throw MalformedCertificate(
          line: values["certificate"]?.line ?? 1, reason: "version \(version) of the format; expected 1")
      }
      let quoted = try required("property")
      guard quoted.count >= 2, quoted.hasPrefix("\""), quoted.hasSuffix("\"") else {
        throw MalformedCertificate(
          line: values["property"]?.line ?? 1, reason: "expected the property's name in quotes, found `\(quoted)`")
      }
      let sizes: Sizes = values["sizes"]?.text == "any" ? .any : .these(try settings("sizes"))
      return CertificateFile(
        model: try required("model"), sha256: try required("sha256"), constants: try settings("constants"),
        sizes: sizes, property: String(quoted.dropFirst().dropLast()), foundBy: values["found-by"]?.text ?? "",
        lemmas: lemmas)
    }

    private func required(_ keyword: String) throws(MalformedCertificate) -> String {
      guard let value = values[keyword], !value.text.isEmpty else {
        throw MalformedCertificate(line: values[keyword]?.line ?? 1, reason: "expected `--@ \(keyword) …`")
      }
      return value.text
    }

    private func settings(_ keyword: String) throws(MalformedCertificate) -> [ConstantSetting] {
      guard let value = values[keyword] else { return [] }
      var settings: [ConstantSetting] = []
      for word in value.text.split(separator: " ") {
        let halves = word.split(separator: "=", omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty else {
          throw MalformedCertificate(line: value.line, reason: "expected CONSTANT=VALUE, found `\(word)`")
        }
        settings.append(ConstantSetting(name: String(halves[0]), value: String(halves[1])))
      }
      return settings
    }
  }
}

extension StringProtocol {
  /// Without these characters at both ends.
  fileprivate func trimming(_ characters: String) -> String {
    var rest = self[...]
    while let first = rest.first, characters.contains(first) { rest.removeFirst() }
    while let last = rest.last, characters.contains(last) { rest.removeLast() }
    return String(rest)
  }
}
