import Foundation

/// Finds Models/ and Proofs/, and turns a MODEL argument into a file.
struct ModelLocator: Sendable {
  /// A model to read: its bare name, and where.
  struct Location: Sendable, Hashable {
    /// The file's name without folder and ending; `stdin` for standard input.
    let name: String
    /// Where to read it: relative to the working directory where that is shorter.
    let path: String
    /// How results call it: a shipped model from the folder that holds Models/ (`Models/sept-teardown.m`), wherever the command
    /// runs; any other as the user wrote it.
    let file: String
    let isStandardInput: Bool
  }

  /// Why no place was found, naming the places tried.
  struct NotFound: Error, CustomStringConvertible {
    let description: String
  }

  /// The folder that holds Models/, or nil if none was found.
  let root: String?
  private let tried: [String]

  /// `explicit` is the value of `--root`.
  init(explicit: String?, workingDirectory: String, executable: String) {
    var places: [String] = []
    if let explicit {
      places = [explicit]
    } else {
      var folder = URL(fileURLWithPath: workingDirectory).standardizedFileURL
      while true {
        places.append(folder.path)
        if folder.path == "/" { break }
        folder.deleteLastPathComponent()
      }
      let beside = URL(fileURLWithPath: executable).deletingLastPathComponent().deletingLastPathComponent()
      places.append(beside.appendingPathComponent("share/kvmcheck").standardizedFileURL.path)
    }
    tried = places.map { $0.hasSuffix("/") ? $0 + "Models" : $0 + "/Models" }
    root = zip(places, tried).first { Self.isFolder($1) }?.0
  }

  /// Every model under Models/, in the order of their paths.
  func all() throws(NotFound) -> [Location] {
    guard let root else { throw NotFound(description: "no Models/ folder; tried " + tried.joined(separator: ", ")) }
    let folder = URL(fileURLWithPath: root).appendingPathComponent("Models")
    let enumerator = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    let urls = (enumerator?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "m" }
    let prefix = folder.deletingLastPathComponent().standardizedFileURL.path + "/"
    return urls.map(\.standardizedFileURL.path).sorted().map { path in
      let file = path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
      return Location(name: Self.name(path), path: Self.shown(path), file: file, isStandardInput: false)
    }
  }

  /// The model that an argument names: a path, `-`, or the bare name of a shipped one.
  func find(_ argument: String) throws(NotFound) -> Location {
    if argument == "-" {
      return Location(name: "stdin", path: "<stdin>", file: "<stdin>", isStandardInput: true)
    }
    if FileManager.default.fileExists(atPath: argument) || argument.contains("/") || argument.hasSuffix(".m") {
      return Location(name: Self.name(argument), path: argument, file: argument, isStandardInput: false)
    }
    let shipped = try all()
    guard let found = shipped.first(where: { $0.name == argument }) else {
      let names = shipped.map(\.name).joined(separator: ", ")
      throw NotFound(description: "no file and no shipped model is called \(argument); shipped: \(names)")
    }
    return found
  }

  /// The bytes of a model. Throws: missing, a folder, unreadable.
  static func bytes(of location: Location) throws(NotFound) -> [UInt8] {
    if location.isStandardInput { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
    guard !isFolder(location.path) else {
      throw NotFound(description: "\(location.path): is a folder, expected a file")
    }
    do {
      return Array(try Data(contentsOf: URL(fileURLWithPath: location.path)))
    } catch {
      let reason = FileManager.default.fileExists(atPath: location.path) ? "cannot be read" : "no such file"
      throw NotFound(description: "\(location.path): \(reason)")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private static func name(_ path: String) -> String {
    URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
  }

  /// A path relative to the working directory where it lies below it.
  private static func shown(_ path: String) -> String {
    let here = FileManager.default.currentDirectoryPath
    return path.hasPrefix(here + "/") ? String(path.dropFirst(here.count + 1)) : path
  }
}
