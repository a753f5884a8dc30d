import Checking
import Foundation

/// Where certificates lie: `DIR/<model>/<property>.proof`, each complete or not at all.
struct ProofFolder: Sendable {
  let path: String

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

  /// The file of a property's certificate.
  func file(model: String, property: String) -> String {
    "\(path)/\(model)/\(FileName.words(property)).proof"
  }

  /// Writes a certificate. Returns: its file.
  func save(_ certificate: CertificateFile, model: String) throws(ConsoleError) -> String {
    try Folder.make("\(path)/\(model)")
    let file = file(model: model, property: certificate.property)
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
}
