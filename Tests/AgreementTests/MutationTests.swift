import Checking
import Execution
import ExplicitState
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// Negative evidence: a true trace, changed in one place, is refused, and at that place.
@Suite("Changed traces are refused")
struct MutationTests {
  static let cases = ReplayTests.cases.filter { $0.model != "sept-teardown" || $0.variant == "no-track" }

  /// The counterexamples of a variant.
  private func traces(_ item: ReplayTests.Case) throws -> [(Counterexample, Trace)] {
    let shipped = try ShippedModel(item.model)
    let variant = try #require(shipped.variant(item.variant))
    return try Counterexample.all(of: variant, in: shipped).map { ($0, try #require($0.trace)) }
  }

  /// The step at which the checker refuses; nil if it accepts.
  private func refusal(_ found: Counterexample, _ trace: Trace, _ property: PropertyID? = nil) -> Int? {
    do throws(TraceRejection) {
      try TraceChecker(program: found.program).check(trace, violates: property ?? found.property)
      return nil
    } catch { return error.step }
  }

  private func with(_ trace: Trace, _ steps: [TraceStep]) -> Trace {
    Trace(variables: trace.variables, steps: steps, failure: trace.failure)
  }

  @Test("a failing evaluation violates the invariant that it belongs to, and no other one")
  func evaluation() throws {
    let text = """
      var x: 0..3; startstate begin x := 0; end;
      rule "up" x < 3 ==> begin x := x + 1; end; rule "boom" x = 3 ==> begin error "boom"; end;
      invariant "first" 6 / (2 - x) != 9; invariant "second" x <= 3; invariant "third" 6 / (2 - x) != 8;
      """
    let program = try Program(model: try checkedModel(text))
    let report = ExplicitEngine(program).exhaust()
    let trace = try #require(report.trace(of: .invariant(0)))
    let third = try #require(report.trace(of: .invariant(2)))
    let other = Trace(variables: trace.variables, steps: trace.steps, failure: third.failure)
    let silent = Trace(variables: trace.variables, steps: trace.steps)
    let checker = TraceChecker(program: program)
    let claims: [(Trace, PropertyID, Bool)] = [
      (trace, .invariant(0), true), (trace, .runTimeErrors, true), (trace, .invariant(1), false),
      (trace, .invariant(2), false), (other, .invariant(0), false), (third, .invariant(2), true),
      (silent, .invariant(0), false),
    ]
    for (number, (trace, property, isEvidence)) in claims.enumerated() {
      let isAccepted: Bool
      do throws(TraceRejection) {
        try checker.check(trace, violates: property)
        isAccepted = true
      } catch { isAccepted = false }
      #expect(isAccepted == isEvidence, "claim \(number)")
    }
  }

  @Test("a changed value, at its step", arguments: cases)
  func value(_ item: ReplayTests.Case) throws {
    for (found, trace) in try traces(item) {
      for (index, step) in trace.steps.enumerated() {
        for position in step.values.indices {
          var values = step.values
          values[position] = Self.changed(values[position])
          var steps = trace.steps
          steps[index] = TraceStep(firing: step.firing, values: values)
          #expect(refusal(found, with(trace, steps)) == index, "step \(index), \(trace.variables[position])")
        }
      }
    }
  }

  @Test("a step left out, at its place; the last one too", arguments: cases)
  func skipped(_ item: ReplayTests.Case) throws {
    for (found, trace) in try traces(item) {
      for index in trace.steps.indices {
        var steps = trace.steps
        steps.remove(at: index)
        #expect(refusal(found, with(trace, steps)) == min(index, trace.depth - 1), "without step \(index)")
      }
      #expect(refusal(found, with(trace, [])) == 0)
    }
  }

  @Test("a step repeated, after its place, unless the rule may fire again and changes nothing", arguments: cases)
  func repeated(_ item: ReplayTests.Case) throws {
    for (found, trace) in try traces(item) {
      let interpreter = Interpreter(found.program)
      for index in 1..<trace.steps.count {
        var steps = trace.steps
        steps.insert(steps[index], at: index)
        let copy = try #require(found.program.ruleCopy(steps[index].firing))
        let state = try #require(found.program.state(steps[index].values))
        let isLegal = interpreter.fire(copy, on: state) == .successor(state)
        #expect(refusal(found, with(trace, steps)) == (isLegal ? nil : index + 1), "step \(index)")
      }
    }
  }

  @Test("another rule's index, at its step", arguments: cases)
  func index(_ item: ReplayTests.Case) throws {
    for (found, trace) in try traces(item) {
      for index in 1..<trace.steps.count {
        let firing = trace.steps[index].firing
        for other in found.program.rules.indices where other != firing.index {
          let changed = Firing(index: other, name: firing.name, parameters: firing.parameters)
          var steps = trace.steps
          steps[index] = TraceStep(firing: changed, values: steps[index].values)
          #expect(refusal(found, with(trace, steps)) == index, "step \(index), rule \(other)")
        }
        let beyond = Firing(index: found.program.rules.count, name: firing.name, parameters: firing.parameters)
        var steps = trace.steps
        steps[index] = TraceStep(firing: beyond, values: steps[index].values)
        #expect(refusal(found, with(trace, steps)) == index, "step \(index), a rule beyond the last")
      }
    }
  }

  @Test("a changed parameter, at its step, unless that copy does the same", arguments: cases)
  func parameter(_ item: ReplayTests.Case) throws {
    for (found, trace) in try traces(item) {
      let interpreter = Interpreter(found.program)
      for index in 1..<trace.steps.count {
        let firing = trace.steps[index].firing
        for position in firing.parameters.indices {
          var parameters = firing.parameters
          parameters[position] = NamedValue(
            parameters[position].name, Self.changed(parameters[position].value))
          let changed = Firing(index: firing.index, name: firing.name, parameters: parameters)
          var steps = trace.steps
          steps[index] = TraceStep(firing: changed, values: steps[index].values)
          let before = try #require(found.program.state(steps[index - 1].values))
          let after = try #require(found.program.state(steps[index].values))
          let isLegal = found.program.ruleCopy(changed).map { interpreter.fire($0, on: before) } == .successor(after)
          #expect(refusal(found, with(trace, steps)) == (isLegal ? nil : index), "step \(index), \(parameters)")
        }
      }
    }
  }

  @Test("another property, unless the last state violates it too", arguments: cases)
  func property(_ item: ReplayTests.Case) throws {
    for (found, trace) in try traces(item) {
      let end = try #require(found.program.state(trace.steps[trace.depth].values))
      let interpreter = Interpreter(found.program)
      for (position, family) in found.program.properties.enumerated() {
        let isViolated = interpreter.check(family, on: end) == .violated
        let expected = isViolated ? nil : trace.depth
        #expect(refusal(found, trace, .invariant(position)) == expected, "\(position)")
      }
      for other in [PropertyID.runTimeErrors, .deadlock, .cover(0), .assertion(0)] {
        #expect(refusal(found, trace, other) == trace.depth, "\(other)")
      }
    }
  }

  /// Another value of the same shape: the first simple one inside is changed.
  static func changed(_ value: Value) -> Value {
    switch value {
    case .undefined: return .boolean(false)
    case .boolean(let value): return .boolean(!value)
    case .integer(let value): return .integer(value ^ 1)
    case .member(let name): return .member(name + "'")
    case .scalar(let type, let index): return .scalar(type: type, index: index ^ 1)
    case .record(var fields):
      guard let first = fields.first else { return .undefined }
      fields[0] = NamedValue(first.name, changed(first.value))
      return .record(fields)
    case .array(var elements):
      guard let first = elements.first else { return .undefined }
      elements[0] = IndexedValue(first.index, changed(first.value))
      return .array(elements)
    }
  }
}
