import ArgumentParser
import Checking
import Diagnostics
import Elaboration
import Foundation
import Interchange
import Murphi
import SMT
import TransitionSystems

/// `kvmcheck certificate`: proofs that lie in files.
struct CertificateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certificate", abstract: "Check or print proofs that lie in files.",
    subcommands: [CertificateCheckCommand.self, CertificatePrintCommand.self])
}

/// A certificate's file together with its model.
struct LoadedCertificate {
  let path: String
  let certificate: CertificateFile
  let model: LoadedModel
  let checker: CertificateChecker

  /// Why a certificate is not believed before anything is asked.
  struct Refused: Error, CustomStringConvertible {
    let description: String
    /// What it says of itself; nil if it cannot be read.
    let certificate: CertificateFile?
  }

  /// Reads both. Throws: `Refused`.
  init(_ path: String, root: String?) throws(Refused) {
    self.path = path
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Refused(description: "cannot be read", certificate: nil)
    }
    guard let text = String(bytes: data, encoding: .utf8) else {
      throw Refused(description: "is not UTF-8", certificate: nil)
    }
    do throws(MalformedCertificate) {
      certificate = try CertificateFile(parsing: text)
    } catch {
      throw Refused(description: "line \(error.line): \(error.reason)", certificate: nil)
    }
    do {
      model = try LoadedModel(try Self.locate(Self.place(of: certificate.model, root: root, proof: path)))
    } catch {
      throw Refused(description: Self.words(error), certificate: certificate)
    }
    guard model.sha256 == certificate.sha256 else {
      throw Refused(
        description: "stale: it belongs to a model with SHA-256 \(certificate.sha256), \(certificate.model) has "
          + model.sha256, certificate: certificate)
    }
    let name = certificate.property
    guard Question.all(of: model.plain.model).count(where: { $0.name == name }) < 2 else {
      throw Refused(
        description: "several properties of \(certificate.model) are called \"\(name)\"; nobody knows which it means",
        certificate: certificate)
    }
    do {
      let proof = SourceFile(name: path, text: text)
      checker = try CertificateChecker(certificate, of: model.file, in: proof) { model in
        Question.all(of: model).first { $0.name == name && $0.isSymbolic }?.property
      }
    } catch {
      throw Refused(description: Self.words(error), certificate: certificate)
    }
  }

  /// Where a certificate's model lies: as `root` says; where nothing is there, in the nearest folder above the certificate that has it.
  private static func place(of model: String, root: String?, proof: String) -> String {
    if model.hasPrefix("/") { return model }
    let place = root.map { "\($0)/\(model)" } ?? model
    if FileManager.default.fileExists(atPath: place) { return place }
    var folder = URL(fileURLWithPath: proof).standardizedFileURL
    while folder.path != "/" {
      folder.deleteLastPathComponent()
      let near = folder.appendingPathComponent(model).path
      if FileManager.default.fileExists(atPath: near) { return near }
    }
    return place
  }

  private static func locate(_ path: String) throws -> ModelLocator.Location {
    let locator = ModelLocator(
      explicit: nil, workingDirectory: FileManager.default.currentDirectoryPath, executable: CommandLine.arguments[0])
    return try locator.find(path)
  }

  static func words(_ error: any Error) -> String {
    switch error {
    case let error as Rejection: DiagnosticRenderer.render(error.diagnostics, in: error.file)
    case let error as UnfitCertificate: error.reason
    case let error as ElaborationError: "\(error.location): \(error.message)"
    case let error as Refused: error.description
    default: "\(error)"
    }
  }
}

/// `kvmcheck certificate check [PROOF…]`
struct CertificateCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Re-prove initiation, consecution and safety of certificates.",
    discussion: """
      Without PROOF: all of Proofs/; of a folder, all certificates in it and below. Each obligation is asked by itself in a fresh solver: at the certificate's sizes, instance by \
      instance and without symmetry, and for `sizes any` also with scalarsets of any size. An obligation that several of the \
      certificates share is asked once. --solver hands the same obligations as \
      SMT-LIB to another program (cvc5, z3, or a path); every answer must be unsat. A certificate of another text of its model is \
      stale and fails. Exit code 0 if all hold, else 50; 40 if a file is no certificate; 30 if the command was stopped before all \
      were decided, and those are listed as open.
      """)

  @ArgumentParser.Argument(help: ArgumentHelp("Certificates to check, or folders of them.", valueName: "proof"))
  var proofs: [String] = []

  @Option(help: ArgumentHelp("Another solver that reads SMT-LIB: cvc5, z3, or a path.", valueName: "program"))
  var solver: String?

  @OptionGroup var parallelism: ParallelismOptions
  @OptionGroup var options: RunOptions

  /// What became of a certificate.
  struct Checked: Sendable {
    let path: String
    var model: String?
    var property: String?
    var outcome = Outcome.holds
    var seconds = 0.0
    var lemmas = 0
    var sizes = ""
  }

  /// What is known of a certificate; where it does not hold, why.
  enum Outcome: Hashable, Sendable {
    case holds
    case fails(String)
    /// No certificate can be read there.
    case malformed(String)
    /// The command was stopped before it was decided.
    case open(String)

    var reason: String? {
      switch self {
      case .holds: nil
      case .fails(let reason), .malformed(let reason), .open(let reason): reason
      }
    }

    var isOpen: Bool { if case .open = self { true } else { false } }
    var isMalformed: Bool { if case .malformed = self { true } else { false } }
  }

  /// Who is asked, and what each has said so far of the certificates of this run.
  private struct Solvers: Sendable {
    /// Nil: Z3 alone.
    let external: ExternalSolver?
    let known = SettledQuestions()
    let externallyKnown = SettledQuestions()
  }

  func run() async throws {
    let console = try Console(path: options.output, quiet: options.quiet)
    let stop = StopSwitch()
    let started = ContinuousClock.now
    let (paths, root) = try places()
    let solvers = Solvers(external: try solver.map(ExternalSolver.init(named:)))
    let (options, jobs) = (options, parallelism.jobs ?? ProcessInfo.processInfo.activeProcessorCount)
    var results = try await stop.running(timeout: options.timeout, memory: options.memory?.bytes) {
      return try await Self.check(paths, jobs: jobs, root: root, solvers) { result in
        if options.format == .text { try console.write(Self.line(of: result)) }
      }
    }
    for path in paths[results.count...] {
      results.append(Checked(path: path, outcome: .open("not begun: \(stop.reason.words)")))
      if options.format == .text { try console.write(Self.line(of: results[results.count - 1])) }
    }
    let name = solvers.external?.name ?? "z3 \(SMTSession.solverVersion)"
    let held = results.count { $0.outcome == .holds }
    let open = results.count(where: \.outcome.isOpen)
    let failed = results.count - held - open
    switch options.format {
    case .text:
      let seconds = ProveInvariantsCommand.seconds(since: started)
      try console.write(
        "\(results.count) certificates, \(held) hold, \(failed) fail" + (open > 0 ? ", \(open) open" : "")
          + String(format: "; %@; %.1f s\n", name, seconds))
    case .json:
      try console.write(
        String(decoding: Self.json(results, name, ok: held == results.count).encoded(), as: UTF8.self))
    }
    try console.finish()
    if open > 0 { throw ExitCode.limit }
    if failed > results.count(where: \.outcome.isMalformed) { throw ExitCode.contradiction }
    if failed > 0 { throw ExitCode.rejected }
  }

  /// The files, and the folder from which they name models.
  private func places() throws -> ([String], String?) {
    let locator = ModelLocator(
      explicit: options.root, workingDirectory: FileManager.default.currentDirectoryPath,
      executable: CommandLine.arguments[0])
    if !proofs.isEmpty { return (try proofs.flatMap(Self.certificates(at:)), locator.root) }
    guard let root = locator.root else { throw UsageError("no Models/ folder, and so no Proofs/ beside it") }
    let all = ProofFolder(reading: root + "/Proofs").all()
    if all.isEmpty { throw UsageError("\(root)/Proofs holds no certificate") }
    return (all, root)
  }

  /// A file, or all certificates of a folder.
  private static func certificates(at path: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      return [path]
    }
    let all = ProofFolder(reading: path).all()
    if all.isEmpty { throw UsageError("\(path) holds no certificate") }
    return all
  }

  /// Checks several at once and hands the results out in the order of the files; stops where it is cancelled.
  private static func check(
    _ paths: [String], jobs: Int, root: String?, _ solvers: Solvers, emit: (Checked) throws -> Void
  ) async throws -> [Checked] {
    var done: [Int: Checked] = [:]
    var results: [Checked] = []
    try await withThrowingTaskGroup(of: (Int, Checked).self) { group in
      var next = 0
      func start() {
        guard next < paths.count, !Task.isCancelled else { return }
        let index = next
        next += 1
        group.addTask { (index, try await check(paths[index], root: root, solvers)) }
      }
      for _ in 0..<max(1, jobs) { start() }
      for try await (index, result) in group {
        done[index] = result
        while let ready = done.removeValue(forKey: results.count) {
          results.append(ready)
          try emit(ready)
        }
        start()
      }
    }
    return results
  }

  private static func check(_ path: String, root: String?, _ solvers: Solvers) async throws -> Checked {
    let start = ContinuousClock.now
    var result = Checked(path: path)
    do throws(LoadedCertificate.Refused) {
      let loaded = try LoadedCertificate(path, root: root)
      result.model = loaded.certificate.model
      result.property = loaded.certificate.property
      result.lemmas = loaded.certificate.lemmas.count
      result.sizes = Self.words(loaded.certificate)
      let (reason, remark) = await unmet(loaded.checker, solvers)
      if let remark { result.sizes += ", " + remark }
      if let reason { result.outcome = Task.isCancelled ? .open("stopped at \(reason)") : .fails(reason) }
    } catch {
      result.model = error.certificate?.model
      result.property = error.certificate?.property
      result.outcome = error.certificate == nil ? .malformed(error.description) : .fails(error.description)
      if Task.isCancelled { result.outcome = .open("stopped at \(error.description)") }
    }
    result.seconds = ProveInvariantsCommand.seconds(since: start)
    return result
  }

  /// Which sizes and constants a certificate speaks of: `any size`; `sizes PAGES=2, constants STEP=1`.
  private static func words(_ certificate: CertificateFile) -> String {
    func list(_ settings: [ConstantSetting]) -> String {
      settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    }
    let constants = certificate.constants.isEmpty ? "" : ", constants " + list(certificate.constants)
    switch certificate.sizes {
    case .any: return "any size" + constants
    case .these(let sizes): return (sizes.isEmpty ? "the file's sizes" : "sizes " + list(sizes)) + constants
    }
  }

  /// The first obligation that is not met, and where the questions for every size lie. What a cancelled task says is unmet may only be
  /// unanswered.
  private static func unmet(
    _ checker: CertificateChecker, _ solvers: Solvers
  ) async -> (reason: String?, remark: String?) {
    let interrupter = Interrupter()
    var remark: String?
    do {
      return try await withTaskCancellationHandler {
        for form in try checker.forms() {
          if !form.obligations.sortNames.isEmpty {
            let cycle = QuantifierAlternation.cycle(in: form.obligations)
            remark = cycle.map { "not in EPR: " + $0.joined(separator: " → ") } ?? "in EPR"
          }
          let kind = checker.kind(of: form)
          let known = solvers.known.ledger(of: form.obligations, kind: kind)
          if let external = solvers.external {
            let premises = try checker.premises(
              of: form, known: known, effort: Decider.effort, interrupter: interrupter)
            let answered = solvers.externallyKnown.ledger(of: form.obligations, kind: kind)
            if let reason = try external.firstUnmet(of: form.obligations, needing: premises, known: answered) {
              return ("\(reason) (\(form.name))", remark)
            }
          } else if let failure = try checker.check(
            form, known: known, effort: Decider.effort, interrupter: interrupter)
          {
            return (failure.reason, remark)
          }
        }
        return (nil, remark)
      } onCancel: {
        interrupter.interrupt(because: .cancelled)
        solvers.external?.stop()
      }
    } catch {
      return (LoadedCertificate.words(error), remark)
    }
  }

  private static func line(of result: Checked) -> String {
    guard let reason = result.outcome.reason else {
      return "holds   \(result.path)  \(result.lemmas) \(result.lemmas == 1 ? "lemma" : "lemmas"), \(result.sizes)"
        + String(format: "  %.2f s\n", result.seconds)
    }
    return (result.outcome.isOpen ? "open    " : "FAILS   ") + "\(result.path)\n        \(reason)\n"
  }

  private static func json(_ results: [Checked], _ solver: String, ok: Bool) -> JSON {
    let rows = results.map { result in
      JSON.object([
        "proof": .string(result.path), "model": result.model.map(JSON.string) ?? .null,
        "property": result.property.map(JSON.string) ?? .null, "ok": .boolean(result.outcome == .holds),
        "solver": .string(solver), "seconds": .decimal((result.seconds * 1000).rounded() / 1000),
        "reason": result.outcome.reason.map(JSON.string) ?? .null,
      ])
    }
    return .object(["schema": .string("kvmcheck/1"), "results": .array(rows), "ok": .boolean(ok)])
  }
}

/// `kvmcheck certificate print PROOF`
struct CertificatePrintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "print", abstract: "Print the model of a certificate with its lemmas as invariants.",
    discussion: """
      Any Murphi checker can then confirm the lemmas on the scope. For `sizes any` the scope is the file's own sizes. Whether the \
      lemmas prove anything is what `certificate check` says.
      """)

  @ArgumentParser.Argument(help: ArgumentHelp("A certificate.", valueName: "proof"))
  var proof: String

  @Option(help: ArgumentHelp("The folder that holds Models/ and Proofs/.", valueName: "dir"))
  var root: String?

  @Option(name: .short, help: ArgumentHelp("Write to a file instead of standard output.", valueName: "file"))
  var output: String?

  func run() throws {
    let console = try Console(path: output, quiet: true)
    let locator = ModelLocator(
      explicit: root, workingDirectory: FileManager.default.currentDirectoryPath, executable: CommandLine.arguments[0])
    let loaded: LoadedCertificate
    do throws(LoadedCertificate.Refused) {
      loaded = try LoadedCertificate(proof, root: locator.root)
    } catch {
      console.diagnose("\(proof): \(error)")
      throw error.certificate == nil ? ExitCode.rejected : ExitCode.contradiction
    }
    let whole = SourceFile(name: loaded.certificate.model, text: loaded.checker.text)
    let tree = try SyntaxTree.parse(whole)
    try console.write(tree.text(of: ModelInstance(constants: loaded.certificate.settings)))
    try console.finish()
  }
}
