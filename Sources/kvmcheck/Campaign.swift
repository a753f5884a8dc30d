import Diagnostics
import Interchange
import Murphi
import Report

/// Everything that one `prove` command decides: files, in each the scope asked for and the variants asked for.
struct Campaign: Sendable {
  /// Which variants of a file are decided.
  enum Variants: Sendable, Hashable {
    case all
    case none
    case named(String)
  }

  /// What the command line asks.
  struct Request: Sendable {
    var models: [ModelLocator.Location]
    var scope: String
    var variants: Variants
    var overrides: Overrides
    var only: String?
    var jobs: Int
    var decider: Decider
  }

  /// All rows of a file, with what their heading needs.
  struct FileResult: Sendable {
    let location: ModelLocator.Location
    let title: String?
    /// Of the scope that variants start from.
    let constants: [NamedText]
    let omissions: [String]
    let rows: [ResultRow]
    /// Warnings of the front end, rendered.
    let warnings: [String]
  }

  let request: Request
  let stop: StopSwitch

  /// Decides file after file; within a file scope and variants run side by side, and the rows keep the file's order.
  ///
  /// Throws: `UnknownName` for a scope or variant that a file does not declare.
  func run(
    progress: @escaping @Sendable (String) -> Void, emit: (FileResult) throws -> Void
  ) async throws {
    for location in request.models { try emit(try await decide(location, progress: progress)) }
  }

  private func decide(
    _ location: ModelLocator.Location, progress: @escaping @Sendable (String) -> Void
  ) async throws -> FileResult {
    do {
      let loaded = try LoadedModel(location)
      return try await decide(loaded, progress: progress)
    } catch let error as Rejection {
      return rejected(location, [DiagnosticRenderer.render(error.diagnostics, in: error.file)])
    } catch let error as ModelLocator.NotFound {
      return rejected(location, [error.description])
    }
  }

  private func decide(
    _ loaded: LoadedModel, progress: @escaping @Sendable (String) -> Void
  ) async throws -> FileResult {
    let overrides = request.overrides
    let base = try Instance(loaded, scope: request.scope, variant: nil, overrides: overrides)
    var instances: [Instance] = []
    if case .named = request.variants {} else { instances.append(base) }
    for variant in try variants(of: base.model.directives) {
      instances.append(try Instance(loaded, scope: request.scope, variant: variant, overrides: overrides))
    }
    let all = try await findings(of: instances, progress: progress)
    let coverage = try await coverage(loaded, instances: instances, findings: all, overrides: overrides)
    var rows: [ResultRow] = []
    for (instance, findings) in zip(instances, all) {
      let builder = RowBuilder(
        instance: instance, findings: findings, stop: stop.reason, replayer: request.decider.replayer(for: instance),
        only: request.only)
      if let variant = instance.variant {
        rows += builder.variantRows(variant)
      } else {
        rows += builder.scopeRows() + VacuityRows(builder: builder, coverage: coverage).rows()
      }
    }
    return FileResult(
      location: loaded.location, title: base.model.directives.title,
      constants: base.constants,
      omissions: base.model.directives.abstractions, rows: rows,
      warnings: base.renderedWarnings)
  }

  /// The variants that were asked for. Throws: the one that was named does not exist.
  private func variants(of directives: Directives) throws -> [VariantDeclaration] {
    switch request.variants {
    case .none: return []
    case .all: return directives.variants
    case .named(let name):
      let found = directives.variants.filter { $0.name == name }
      guard !found.isEmpty else {
        throw UnknownName(kind: "variant", name: name, known: directives.variants.map(\.name))
      }
      return found
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
        let decider = request.decider
        let instance = instances[index]
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

  private func rejected(_ location: ModelLocator.Location, _ diagnostics: [String]) -> FileResult {
    var row = ResultRow(
      model: location.name, file: location.path, scope: request.scope, constants: [], property: "the file is a model",
      kind: .invariant, verdict: .rejected)
    row.diagnostics = diagnostics
    row.asExpected = false
    return FileResult(location: location, title: nil, constants: [], omissions: [], rows: [row], warnings: [])
  }
}
