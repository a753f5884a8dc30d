import Engines
import Logic
import SMT
import TestSupport
import Testing
import TransitionSystems

/// Every symbolic engine, however it asks, on every tiny system.
@Suite struct MatrixTests {
  static let options: [Queries.Options] = [
    .incremental, Queries.Options(kind: .simple, choice: .selector),
    Queries.Options(kind: .logic("QF_FD"), choice: .selector), Queries.Options(kind: .logic("QF_FD"), choice: .oneHot),
  ]

  @Test(arguments: TinySystem.all, [SolverKind.simple, .logic("QF_FD"), .logic("QF_BV")])
  func boundedSearch(tiny: TinySystem, kind: SolverKind) async throws {
    let engine = BMC(tiny.system, kind: kind)
    let verdict = try await engine.decide([tiny.property], within: Budget(depth: 7))
    switch tiny.answer {
    case .holds: #expect(verdict == [.bounded(depth: 7)])
    case .violated(let depth): expectViolation(verdict, depth, tiny)
    }
  }

  @Test(arguments: TinySystem.all, options)
  func induction(tiny: TinySystem, options: Queries.Options) async throws {
    for paths in [KInduction.Paths.any, .simple] {
      let engine = KInduction(tiny.system, paths: paths, base: options.kind, step: options)
      let verdict = try await engine.decide([tiny.property], within: Budget(depth: 8))
      switch tiny.answer {
      case .violated(let depth): expectViolation(verdict, depth, tiny)
      case .holds(let any, let simple):
        if let k = paths == .any ? any : simple {
          #expect(verdict == [.proved(.kInduction(k: k), sizes: .thisScope)], "\(paths)")
        } else {
          #expect(verdict == [.bounded(depth: 7)], "\(paths)")
        }
      }
    }
  }

  /// One violation of the right depth, whose run evaluates.
  private func expectViolation(_ verdicts: [Verdict], _ depth: Int, _ tiny: TinySystem) {
    guard verdicts.count == 1, case .violated(let trace, let shortest) = verdicts[0] else {
      Issue.record("expected a violation, found \(verdicts)")
      return
    }
    #expect(trace.depth == depth)
    #expect(shortest)
    #expect(trace.variables == ["x"])
    let evaluation = tiny.system.invariants.first { $0.property == tiny.property }
    if let evaluation {
      #expect(trace.failure == evaluation.failures.first?.report)
    } else {
      #expect(trace.failure?.property == tiny.property)
    }
  }
}

/// What the engines say besides.
@Suite struct EngineTests {
  private func tiny(_ name: String) throws -> TinySystem {
    try #require(TinySystem.all.first { $0.name == name })
  }

  @Test func traceIsWhole() async throws {
    let tiny = try tiny("a symbolic parameter picks the bad state")
    let verdict = try await BMC(tiny.system).decide([tiny.property], within: Budget(depth: 3))
    guard case .violated(let trace, _) = verdict[0] else {
      Issue.record("not violated")
      return
    }
    let sum = trace.steps.dropFirst().map { step -> Int in
      guard case .integer(let value)? = step.firing.parameters.first?.value else { return -100 }
      #expect(step.firing.parameters.map(\.name) == ["p"])
      #expect(step.firing.index == 0)
      #expect((0...3).contains(value))
      return value
    }
    #expect(sum.reduce(0, +) == 5)
    #expect(trace.steps.map(\.values) == [[.integer(0)], [.integer(sum[0])], [.integer(5)]])
  }

  @Test func sameBytesEachRun() async throws {
    for tiny in TinySystem.all {
      let first = try await BMC(tiny.system).decide([tiny.property], within: Budget(depth: 6))
      let second = try await BMC(tiny.system).decide([tiny.property], within: Budget(depth: 6))
      #expect(first == second)
    }
  }

  @Test func severalPropertiesAtOnce() async throws {
    var builder = TinyBuilder()
    builder.start(at: 0)
    builder.rule(from: 0, to: 1)
    builder.rule(from: 1, to: 2)
    builder.never(1)
    builder.never(2)
    builder.never(9)
    let properties: [PropertyID] = [.invariant(2), .invariant(1), .invariant(0), .runTimeErrors, .deadlock]
    for engine in [BMC(builder.system), KInduction(builder.system)] as [any Engine] {
      let verdicts = try await engine.decide(properties, within: Budget(depth: 4))
      let depths = verdicts.map { verdict -> Int? in
        if case .violated(let trace, _) = verdict { trace.depth } else { nil }
      }
      #expect(depths == [nil, 2, 1, nil, nil])
      #expect(verdicts[4] == .unknown(reason: "\(engine.name) does not decide deadlock"))
      if engine.name == "bmc" {
        #expect(verdicts[0] == .bounded(depth: 4))
      } else {
        #expect(verdicts[0] == .proved(.kInduction(k: 1), sizes: .thisScope))
        #expect(verdicts[3] == .proved(.kInduction(k: 1), sizes: .thisScope))
      }
    }
  }

  /// A domain is assumed only if starts and steps keep it.
  @Test func domainsAreNotTrusted() async throws {
    var builder = TinyBuilder()
    builder.start(at: 0)
    builder.rule(from: 0, to: 6)
    builder.rule(from: 6, to: 7)
    builder.never(7)
    var system = builder.system
    let three = builder.number(3)
    let small = builder.store.lessUnsigned(builder.x, three)
    system.store = builder.store
    system.variables = [SystemVariable(builder.x, domain: small)]
    let wrong = try await KInduction(system).decide([.invariant(0)], within: Budget(depth: 4))
    guard case .violated(let trace, _) = wrong[0] else {
      Issue.record("a wrong domain hid the violation: \(wrong)")
      return
    }
    #expect(trace.depth == 2)
    system.transitions = [system.transitions[1]]
    let right = try await KInduction(system).decide([.invariant(0)], within: Budget(depth: 4))
    #expect(right == [.proved(.kInduction(k: 1), sizes: .thisScope)])
  }

  @Test func effortIsReported() async throws {
    let tiny = try tiny("counts to the bad state")
    let verdict = try await BMC(tiny.system, kind: .simple).decide(
      [tiny.property], within: Budget(depth: 7, effort: 1))
    guard case .limit(.solverEffort, let reached) = verdict[0] else {
      Issue.record("expected a limit, found \(verdict)")
      return
    }
    #expect(reached.depth < 5)
  }

  @Test func cancelledTasksStop() async throws {
    let tiny = try tiny("an unreachable loop before the bad state")
    for engine in [BMC(tiny.system), KInduction(tiny.system)] as [any Engine] {
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        return try await engine.decide([tiny.property], within: Budget(depth: 1_000))
      }
      task.cancel()
      #expect(try await task.value == [.limit(.interrupted, reached: Reached(depth: -1))])
    }
  }
}
