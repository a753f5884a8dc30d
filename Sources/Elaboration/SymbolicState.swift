import Logic
import Murphi
import TransitionSystems

/// What a leaf holds when it is defined.
enum Payload: Hashable, Sendable {
  /// A boolean.
  case truth(Term)
  /// An integer, or the raw value of an enumeration or scalarset.
  case number(Number)
  /// An element of a scalarset whose size is left open.
  case element(Term)
}

/// A simple value as terms, perhaps undefined.
struct Scalar: Hashable, Sendable {
  /// A Boolean term.
  let defined: Term
  /// Where undefined: the type's least value, or `none`, by convention of all writes.
  let payload: Payload
}

/// A body's run, one symbolic state at a time.
///
/// `memory` holds the leaves of the state variables, then those of every active call's locals. It says what they are on
/// the runs that `path` describes, and anything elsewhere: branches run on copies and are joined again, so that a
/// value stays a constant for as long as it is one on every run that gets here. A leaf with arguments is a term over
/// the variables `TermStore.argument`, which stand for its arguments.
struct SymbolicState: Sendable {
  /// Which runs of the innermost active call get here, failures aside. Constant false: none, and nothing more is executed.
  var path: Term
  var memory: [Scalar]
}

/// A place whose indices have been evaluated: where it may lie, and when.
struct ResolvedPlace: Hashable, Sendable {
  /// A first leaf at some elements, and a Boolean term that says when it is this one. The conditions exclude each other.
  struct Candidate: Hashable, Sendable {
    let condition: Term
    let base: Int
    /// The leaf's first arguments; those that are left are arguments of the place's own leaves.
    var arguments: [Term] = []
  }
  /// Never empty. Where no condition holds, a failure was recorded.
  let candidates: [Candidate]
  let type: Type
}

/// An active call: of a function, or of a rule's guard and body themselves.
struct Frame: Sendable {
  /// What a local stands for.
  enum Binding: Sendable {
    /// Leaves of its own from this position.
    case slots(Int)
    case place(ResolvedPlace)
    /// A reference before it is bound.
    case unbound
  }
  /// A way out: the state at a `return`, and the value's leaves.
  struct Exit: Sendable {
    let state: SymbolicState
    let value: [Scalar]
  }
  let locals: [Local]
  var bindings: [Binding]
  /// Which runs of the whole rule got into this call.
  let context: Term
  /// Nil for a rule, a property or a procedure.
  let returnType: Type?
  /// In the order of execution; their paths exclude each other.
  var exits: [Exit] = []
}

/// Something that ends a run early: a failure, or (nil) an `assume` that is false.
struct Ending: Sendable {
  let report: RunTimeFailure?
  /// Over the state and the parameters. May hold together with an earlier one's, which then came first.
  let condition: Term
}

extension TermStore {
  /// The payload where the condition holds, else the other. Requires: of one kind.
  mutating func choose(_ condition: Term, _ left: Payload, _ right: Payload) -> Payload {
    switch (left, right) {
    case (.truth(let one), .truth(let other)): return .truth(ifThenElse(condition, one, other))
    case (.number(let one), .number(let other)): return .number(choose(condition, one, other))
    case (.element(let one), .element(let other)): return .element(ifThenElse(condition, one, other))
    case (.truth, _), (.number, _), (.element, _): preconditionFailure("values of different kinds are joined")
    }
  }

  /// The scalar where the condition holds, else the other.
  mutating func choose(_ condition: Term, _ left: Scalar, _ right: Scalar) -> Scalar {
    if left == right { return left }
    let defined = ifThenElse(condition, left.defined, right.defined)
    return Scalar(defined: defined, payload: choose(condition, left.payload, right.payload))
  }

  /// Whether the payload is this raw value.
  mutating func isEqual(_ payload: Payload, to raw: Int) -> Term {
    switch payload {
    case .truth(let term): return raw != 0 ? term : not(term)
    case .number(let number): return compare(.equal, number, self.number(raw))
    case .element: preconditionFailure("an element of a scalarset has no raw value while its size is open")
    }
  }

  /// A raw value of a simple type whose values are known.
  mutating func payload(_ raw: Int, of type: Type) -> Payload {
    if type == .boolean { return .truth(boolean(raw != 0)) }
    return .number(number(raw))
  }

  /// The undefined value of a simple type.
  mutating func undefined(_ type: Type, in layout: Layout) -> Scalar {
    if let sort = layout.openSort(of: type) {
      return Scalar(defined: boolean(false), payload: .element(none(of: sort)))
    }
    return Scalar(defined: boolean(false), payload: payload(type.rawValues?.lowerBound ?? 0, of: type))
  }

  /// The variable that stands for a leaf's argument at a position, from 0.
  mutating func argument(_ position: Int, sort: Int) -> Term {
    variable("#argument\(position).S\(sort)", .uninterpreted(sort))
  }

  /// The payload with variables replaced.
  mutating func replace(in payload: Payload, by substitution: inout Substitution) -> Payload {
    switch payload {
    case .truth(let term): return .truth(substitution.apply(to: term, in: &self))
    case .number(let number):
      return .number(Number(term: substitution.apply(to: number.term, in: &self), interval: number.interval))
    case .element(let term): return .element(substitution.apply(to: term, in: &self))
    }
  }

  /// The scalar with variables replaced.
  mutating func replace(in scalar: Scalar, by substitution: inout Substitution) -> Scalar {
    let defined = substitution.apply(to: scalar.defined, in: &self)
    return Scalar(defined: defined, payload: replace(in: scalar.payload, by: &substitution))
  }

  /// The constant truth value of a term; nil if it is not constant.
  func truth(_ term: Term) -> Bool? { constant(term)?.isTrue }
}
