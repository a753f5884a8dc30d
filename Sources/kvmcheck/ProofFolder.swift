import Checking
import Foundation
import Murphi

/// Where certificates lie, each complete or not at all: `DIR/<model>/<property>.proof` with the file's own constants, and a folder
/// deeper for another scope, a variant or constants of the command line (`DIR/<model>/variant-toggle/<property>.proof`), so that none
/// takes the place of another.
struct ProofFolder: Sendable {
  let path: String
  /// The folder of an instance below that of its model; empty for the file's own constants.
  private var instance = ""
  /// The files' names without ending, by property; nothing for names that several properties have.
  private var files: [String: String]?

  /// Makes the folder where there is none. Throws: it cannot be made, or nothing can be written there.
  init(creating path: String) throws(UsageError) {
    self.path = path
    do throws(ConsoleError) {
      try Folder.make(path)
      _ = try Destination(path: path + "/probe")
    } catch {
      throw UsageError("--proofs: cannot write \(path): \(error.reason)")
    }
  }

  /// A folder that is there.
  init(reading path: String) { self.path = path }

  /// The same for the certificates of an instance.
  func certificates(of instance: Instance) -> ProofFolder {
    var folder = self
    folder.instance = instance.folder
    folder.files = FileName.unique(Question.all(of: instance.model).map(\.name))
    return folder
  }

  /// Whether a property's certificate can be told from that of another; what several properties are called has none.
  func tellsApart(_ property: String) -> Bool { files.map { $0[property] != nil } ?? true }

  /// The file of a property's certificate.
  func file(model: String, property: String) -> String {
    "\(folder(model))/\(name(property)).proof"
  }

  /// The files in which a property's certificate may be found: that of the instance, then that of the file's own constants, which may
  /// hold for every size.
  func candidates(model: String, property: String) -> [String] {
    let own = file(model: model, property: property)
    return instance.isEmpty ? [own] : [own, "\(path)/\(model)/\(name(property)).proof"]
  }

  private func folder(_ model: String) -> String { "\(path)/\(model)" + (instance.isEmpty ? "" : "/" + instance) }

  private func name(_ property: String) -> String { files?[property] ?? FileName.words(property) }

  /// Writes a certificate. Returns: its file.
  ///
  /// Requires: its property can be told from others by name.
  func save(_ certificate: CertificateFile, model: String) throws(ConsoleError) -> String {
    precondition(tellsApart(certificate.property), "a certificate by a name that several properties have")
    let file = file(model: model, property: certificate.property)
    try Folder.make(folder(model))
    try Destination(path: file).write(Array(certificate.text.utf8))
    return file
  }

  /// Every certificate, in the order of the paths.
  func all() -> [String] {
    let enumerator = FileManager.default.enumerator(atPath: path)
    let names = enumerator?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".proof") }.sorted().map { "\(path)/\($0)" }
  }
}

/// Makes folders.
enum Folder {
  /// Makes a folder and those above it, unless they are there.
  static func make(_ path: String) throws(ConsoleError) {
    guard !path.isEmpty else { throw ConsoleError(path, errno: ENOENT) }
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      made += part
      guard mkdir(made, 0o777) == 0 || errno == EEXIST else { throw ConsoleError(made, errno: errno) }
      made += "/"
    }
  }
}

/// Names of files that are made from words.
enum FileName {
  /// Lower case, other runs of characters as `-`.
  static func words(_ text: String) -> String {
    var name = ""
    for character in text.lowercased() {
      if character.isASCII, character.isLetter || character.isNumber {
        name.append(character)
      } else if name.last != "-" {
        name.append("-")
      }
    }
    return name.trimmingCharacters(in: CharacterSet(charactersIn: "-"))
  }

  /// Names of files for texts, no two alike: of those that the same words are left of, the first keeps them and the others get a
  /// number. A text that occurs twice gets none.
  static func unique(_ texts: [String]) -> [String: String] {
    let words = texts.map { Self.words($0) }
    var taken = Set(words)
    var kept: Set<String> = [""]
    var names: [String: String] = [:]
    for (text, words) in zip(texts, words) where names[text] == nil {
      var name = words
      if !kept.insert(words).inserted {
        var number = 2
        while !taken.insert("\(words)-\(number)").inserted { number += 1 }
        name = "\(words)-\(number)"
      }
      names[text] = name
    }
    let counts = Dictionary(texts.map { ($0, 1) }, uniquingKeysWith: +)
    return names.filter { counts[$0.key] == 1 }
  }

  /// A text as part of a name, so that no two texts give the same.
  static func exact(_ text: String) -> String {
    let kept = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    return text.addingPercentEncoding(withAllowedCharacters: kept) ?? text
  }
}

extension Instance {
  /// What tells its certificates from those of the file's own constants: `scope-big,variant-toggle,const-N=3`; empty for those.
  fileprivate var folder: String {
    let directives = loaded.plain.model.directives
    let declared = directives.scopes.first { $0.name == scope }?.settings ?? []
    var expected = Dictionary(loaded.plain.model.constants.map { ($0.name, $0.text) }) { $1 }
    for setting in declared + (variant?.settings ?? []) { expected[setting.name] = setting.value }
    let other = settings.filter { expected[$0.name] != $0.value }.sorted { $0.name < $1.name }
    let parts =
      (scope == "default" ? [] : ["scope-" + FileName.exact(scope)])
      + (variant.map { ["variant-" + FileName.exact($0.name)] } ?? [])
      + other.map { "const-" + FileName.exact($0.name) + "=" + FileName.exact($0.value) }
    return parts.joined(separator: ",")
  }
}
