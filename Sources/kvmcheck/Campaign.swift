import Diagnostics
import Foundation
import Interchange
import Murphi
import Report
import TransitionSystems

/// Everything that one `prove` command decides: files, in each the scope asked for and the variants asked for.
struct Campaign: Sendable {
  /// Which variants of a file are decided.
  enum Variants: Sendable, Hashable {
    case all
    case none
    case named(String)
    /// Those that answer a design question; files without one are left out.
    case designs
  }

  /// What the command line asks.
  struct Request: Sendable {
    var models: [ModelLocator.Location]
    var scope: String
    var variants: Variants
    var overrides: Overrides
    var only: String?
    var jobs: Int
    /// For what is the same in every instance.
    let decider: Decider
    private let options: CommonOptions
    private let proofs: ProofFolder?
    private let stored: ProofFolder?

    /// The engines, and where an instance's certificates go and lie.
    func decider(for instance: Instance) -> Decider {
      Decider(
        options: options, jobs: jobs, proofs: proofs?.certificates(of: instance),
        stored: stored?.certificates(of: instance))
    }

    /// What a command line asks about models, or about all shipped ones where it names none.
    ///
    /// Throws: `UsageError` where there is no such model; or the folder `proofs` cannot be made.
    init(models: [String], variants: Variants, only: String?, options: CommonOptions, proofs: String? = nil) throws {
      let locator = ModelLocator(
        explicit: options.run.root, workingDirectory: FileManager.default.currentDirectoryPath,
        executable: CommandLine.arguments[0])
      do {
        self.models = models.isEmpty ? try locator.all() : try models.map { name in try locator.find(name) }
      } catch let error as ModelLocator.NotFound {
        throw UsageError(error.description)
      }
      if self.models.isEmpty, let root = locator.root {
        throw UsageError("nothing to check: no file ends in .m under \(root)/Models")
      }
      scope = options.selection.scope
      self.variants = variants
      overrides = options.selection.overrides
      self.only = only
      jobs = options.decision.parallelism.jobs ?? ProcessInfo.processInfo.activeProcessorCount
      self.options = options
      self.proofs = try proofs.map(ProofFolder.init(creating:))
      stored = locator.root.map { ProofFolder(reading: $0 + "/Proofs") }
      decider = Decider(options: options, jobs: jobs)
    }
  }

  /// All rows of a file, with what their heading needs.
  struct FileResult: Sendable {
    let location: ModelLocator.Location
    let title: String?
    /// Of the scope that variants start from.
    let constants: [NamedText]
    let omissions: [String]
    var rows: [ResultRow]
    /// Warnings of the front end, rendered.
    let warnings: [String]
    /// Certificates that could not be written, and why.
    var unwritten: [ConsoleError] = []
    /// Of the file's bytes; nil if they could not be read as a model.
    let sha256: String?
    /// What counted as a deadlock; nil for the same reason.
    let deadlock: DeadlockMode?
  }

  private let request: Request
  private let stop: StopSwitch
  /// The files in the order asked for.
  private let sources: [Source]

  /// A file that was read.
  private enum Source: Sendable {
    case model(LoadedModel)
    case rejected(FileResult)
  }

  /// Reads all files and looks up in each what the command line names, before any work is done.
  ///
  /// Throws: `UnknownName` or `UsageError` for a scope, variant or constant that a file does not declare.
  init(_ request: Request, stop: StopSwitch) throws {
    self.request = request
    self.stop = stop
    sources = try request.models.map { try Self.source($0, request) }
    guard case .named(let name) = request.variants else { return }
    let declared = sources.map { source -> [String] in
      switch source {
      case .model(let loaded): loaded.plain.model.directives.variants.map(\.name)
      case .rejected: [name]
      }
    }
    guard !declared.contains(where: { $0.contains(name) }) else { return }
    throw UnknownName(kind: "variant", name: name, known: declared.flatMap(\.self))
  }

  /// Reads a file and looks up what the command line names. A model that only the scope or a constant makes illegal is read: it
  /// is rejected in its turn.
  private static func source(_ location: ModelLocator.Location, _ request: Request) throws -> Source {
    let loaded: LoadedModel
    do {
      loaded = try LoadedModel(location)
    } catch let error as Rejection {
      return .rejected(rejected(location, scope: request.scope, error))
    } catch let error as ModelLocator.NotFound {
      return .rejected(rejected(location, scope: request.scope, [error.description]))
    }
    do {
      _ = try Instance(loaded, scope: request.scope, variant: nil, overrides: request.overrides)
    } catch is Rejection {
      return .model(loaded)
    }
    return .model(loaded)
  }

  /// Decides file after file; within a file scope and variants run side by side, and the rows keep the file's order.
  func run(
    progress: @escaping @Sendable (String) -> Void, emit: (FileResult) throws -> Void
  ) async throws {
    for source in sources where isAskedFor(source) { try emit(try await decide(source, progress: progress)) }
  }

  /// Whether a file has what was asked for: one without the variant that the command line names has not.
  private func isAskedFor(_ source: Source) -> Bool {
    guard case .model(let loaded) = source else { return true }
    return switch request.variants {
    case .all, .none: true
    case .named, .designs: !Self.variants(request.variants, of: loaded.plain.model.directives).isEmpty
    }
  }

  private func decide(
    _ source: Source, progress: @escaping @Sendable (String) -> Void
  ) async throws -> FileResult {
    switch source {
    case .rejected(let result): return result
    case .model(let loaded):
      do {
        return try await decide(loaded, progress: progress)
      } catch let error as Rejection {
        return Self.rejected(loaded.location, scope: request.scope, error)
      }
    }
  }

  private func decide(
    _ loaded: LoadedModel, progress: @escaping @Sendable (String) -> Void
  ) async throws -> FileResult {
    let overrides = request.overrides
    let base = try Instance(loaded, scope: request.scope, variant: nil, overrides: overrides)
    var instances: [Instance] = []
    if case .named = request.variants {} else { instances.append(base) }
    for variant in Self.variants(request.variants, of: base.model.directives) {
      var instance = try Instance(loaded, scope: request.scope, variant: variant, overrides: overrides)
      if request.variants == .designs { instance.alsoAsked = base.model.properties(ofDesign: variant.design) }
      instances.append(instance)
    }
    let all = try await findings(of: instances, progress: progress)
    // Whether rules fire and covers are met says something of the file, not of a design.
    let coverage =
      request.variants == .designs
      ? nil : try await coverage(loaded, instances: instances, findings: all, overrides: overrides)
    var rows: [ResultRow] = []
    for (instance, findings) in zip(instances, all) {
      let builder = RowBuilder(
        instance: instance, findings: findings, stop: stop.reason,
        replayer: request.decider.replayer(for: instance, findings),
        only: request.only)
      if let variant = instance.variant {
        rows += builder.variantRows(variant)
      } else {
        rows += builder.scopeRows()
        if let coverage { rows += VacuityRows(builder: builder, coverage: coverage).rows() }
      }
    }
    return FileResult(
      location: loaded.location, title: base.model.directives.title,
      constants: base.constants,
      omissions: base.model.directives.abstractions, rows: rows,
      warnings: base.renderedWarnings, unwritten: all.flatMap(\.unwritten), sha256: loaded.sha256,
      deadlock: base.model.directives.deadlock)
  }

  /// The variants that were asked for.
  private static func variants(_ wanted: Variants, of directives: Directives) -> [VariantDeclaration] {
    switch wanted {
    case .none: return []
    case .all: return directives.variants
    case .named(let name): return directives.variants.filter { $0.name == name }
    case .designs: return directives.variants.filter { $0.design != nil }
    }
  }

  /// Asks the engines about each instance, `jobs` at a time.
  private func findings(
    of instances: [Instance], progress: @escaping @Sendable (String) -> Void
  ) async throws -> [Findings] {
    var results = [Findings?](repeating: nil, count: instances.count)
    try await withThrowingTaskGroup(of: (Int, Findings).self) { group in
      var next = 0
      func start() {
        guard next < instances.count else { return }
        let index = next
        next += 1
        let instance = instances[index]
        let decider = request.decider(for: instance)
        group.addTask { (index, try await decider.decide(instance)) }
      }
      for _ in 0..<max(1, min(request.jobs, instances.count)) { start() }
      var finished = 0
      for try await (index, findings) in group {
        results[index] = findings
        finished += 1
        let name = instances[index].loaded.location.name
        progress("\(name): \(finished) of \(instances.count) instances decided")
        start()
      }
    }
    return results.map { $0 ?? Findings() }
  }

  /// What some scope or variant of the file fires and triggers. Where the scope as it stands leaves something switched off by its
  /// constants and the variants were not asked for, they are searched for this purpose only.
  private func coverage(
    _ loaded: LoadedModel, instances: [Instance], findings: [Findings], overrides: Overrides
  ) async throws -> Coverage {
    var coverage = Coverage()
    for findings in findings { coverage.add(findings.search) }
    guard let base = zip(instances, findings).first(where: { $0.0.variant == nil }), base.0.scope == "default" else {
      return coverage
    }
    let directives = base.0.model.directives
    let seen = Set(instances.compactMap { $0.variant?.name })
    var extra = directives.variants.filter { !seen.contains($0.name) }.map {
      (scope: "default", variant: VariantDeclaration?.some($0))
    }
    extra += directives.scopes.map { (scope: $0.name, variant: nil) }
    for (scope, variant) in extra where coverage.leavesOpen(base.1) && stop.reason == .none {
      let instance = try Instance(loaded, scope: scope, variant: variant, overrides: overrides)
      coverage.add(await request.decider.search(instance))
    }
    return coverage
  }

  /// A file that the front end refuses.
  private static func rejected(
    _ location: ModelLocator.Location, scope: String, _ error: Rejection
  ) -> FileResult {
    rejected(location, scope: scope, [DiagnosticRenderer.render(error.diagnostics, in: error.file)])
  }

  private static func rejected(
    _ location: ModelLocator.Location, scope: String, _ diagnostics: [String]
  ) -> FileResult {
    var row = ResultRow(
      model: location.name, file: location.file, scope: scope, constants: [], property: "the file is a model",
      kind: .invariant, verdict: .rejected)
    row.diagnostics = diagnostics
    row.asExpected = false
    return FileResult(
      location: location, title: nil, constants: [], omissions: [], rows: [row], warnings: [], sha256: nil,
      deadlock: nil)
  }
}

extension TypedModel {
  /// Every property that a variant of the design question names; a bare `holds` names all invariants.
  fileprivate func properties(ofDesign question: String?) -> Set<String> {
    let outcomes = directives.variants.filter { $0.design == question }.flatMap(\.outcomes)
    return Set(
      outcomes.flatMap { outcome -> [String] in
        switch outcome {
        case .violates(let property, _), .holds(let property?): [property]
        case .holds(nil): Question.all(of: self).filter { $0.property.isInvariant }.map(\.name)
        case .error, .deadlock, .unreachable: []
        }
      })
  }
}

extension PropertyID {
  fileprivate var isInvariant: Bool { if case .invariant = self { true } else { false } }
}
