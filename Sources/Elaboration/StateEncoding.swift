import Logic
import Murphi
import TransitionSystems

/// The state as variables of terms: one per leaf, and one more that says whether it is defined, where it may be undefined.
///
/// A leaf with a single value needs no variable for it.
///
/// Requires: every scalarset has its size; `OpenStateEncoding` is for the others.
struct StateEncoding: Sendable {
  /// A leaf of a state variable.
  struct Leaf: Sendable {
    let name: String
    let type: Type
  }
  /// Every leaf, in the order of the variables and of `Layout`.
  let leaves: [Leaf]
  /// By leaf: whether it is taken to be defined in every state.
  var isAlwaysDefined: [Bool]

  init(model: TypedModel) {
    leaves = model.variables.flatMap { variable in
      zip(Layout.concrete.suffixes(of: variable.type), Layout.concrete.leaves(of: variable.type)).map {
        Leaf(name: variable.name + $0, type: $1.type)
      }
    }
    isAlwaysDefined = [Bool](repeating: false, count: leaves.count)
  }

  /// The memory before a startstate: everything undefined.
  func undefinedMemory(_ store: inout TermStore) -> [Scalar] {
    leaves.map { store.undefined($0.type, in: .concrete) }
  }

  /// The memory of a state: the variables.
  func memory(_ store: inout TermStore) -> [Scalar] {
    leaves.indices.map { leaf in
      Scalar(defined: definedness(leaf, &store), payload: payload(leaf, &store))
    }
  }

  /// The term that says whether a leaf is defined.
  private func definedness(_ leaf: Int, _ store: inout TermStore) -> Term {
    isAlwaysDefined[leaf] ? store.boolean(true) : store.variable(leaves[leaf].name + "#defined", .boolean)
  }

  /// A leaf's value.
  private func payload(_ leaf: Int, _ store: inout TermStore) -> Payload {
    let type = leaves[leaf].type
    if type == .boolean { return .truth(store.variable(leaves[leaf].name, .boolean)) }
    let values = Layout.rawValues(of: type)
    if values.count == 1 { return .number(store.number(values.lowerBound)) }
    let width = NumberCode(values).width
    return .number(Number(term: store.variable(leaves[leaf].name, .bitVector(width: width)), interval: values))
  }

  /// The variables of the system: per leaf its definedness, then its value.
  func variables(_ store: inout TermStore) -> [SystemVariable] {
    var variables: [SystemVariable] = []
    for (leaf, scalar) in memory(&store).enumerated() {
      if !isAlwaysDefined[leaf] { variables.append(SystemVariable(scalar.defined)) }
      switch scalar.payload {
      case .truth(let term): variables.append(SystemVariable(term))
      case .number(let number):
        if number.constant != nil { continue }
        variables.append(SystemVariable(number.term, domain: domain(of: number, &store)))
      case .element: preconditionFailure("a scalarset has no size")
      }
    }
    return variables
  }

  /// The condition that a number's pattern means a value; nil if every pattern does.
  private func domain(of number: Number, _ store: inout TermStore) -> Term? {
    let code = NumberCode(number.interval)
    let patterns = code.interval
    if patterns == number.interval { return nil }
    return store.isInside(Number(term: number.term, interval: patterns), number.interval)
  }

  /// The terms that the system's variables get from a memory, in the order of `variables`.
  func values(of memory: [Scalar], _ store: inout TermStore) -> [Term] {
    var terms: [Term] = []
    for (leaf, scalar) in memory[..<leaves.count].enumerated() {
      if !isAlwaysDefined[leaf] { terms.append(scalar.defined) }
      switch scalar.payload {
      case .truth(let term): terms.append(term)
      case .number(let number):
        let values = Layout.rawValues(of: leaves[leaf].type)
        if values.count > 1 { terms.append(store.number(number, as: values).term) }
      case .element: preconditionFailure("a scalarset has no size")
      }
    }
    return terms
  }

  /// How the model's variables are read from the system's.
  func layout(of model: TypedModel, _ store: inout TermStore) -> [ModelVariable] {
    var scalars = memory(&store)[...]
    return model.variables.map { ModelVariable($0.name, decoding(of: $0.type, from: &scalars)) }
  }

  /// How a value is put together from its leaves, taken from the front.
  private func decoding(of type: Type, from scalars: inout ArraySlice<Scalar>) -> Decoding {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      let scalar = scalars.removeFirst()
      let inner = Self.decoding(of: type, scalar.payload)
      return isAlwaysDefined[scalars.startIndex - 1] ? inner : .defined(scalar.defined, inner)
    case .record(let fields):
      return .record(fields.map { DecodedField($0.name, decoding(of: $0.type, from: &scalars)) })
    case .array(let index, let element):
      return .array(
        Layout.rawValues(of: index).map { raw in
          DecodedElement(Layout.value(raw, of: index), decoding(of: element, from: &scalars))
        })
    }
  }

  /// How a defined simple value is read.
  static func decoding(of type: Type, _ payload: Payload) -> Decoding {
    switch payload {
    case .truth(let term): return .boolean(term)
    case .number(let number):
      if let raw = number.constant { return .fixed(Layout.value(raw, of: type)) }
      switch type {
      case .enumeration, .scalarset:
        return .table(number.term, Layout.rawValues(of: type).map { Layout.value($0, of: type) })
      case .boolean, .range, .integer, .record, .array:
        let isSigned = NumberCode(number.interval).isSigned
        return isSigned ? .signed(number.term, offset: 0) : .unsigned(number.term, offset: 0)
      }
    case .element: preconditionFailure("a scalarset has no size")
    }
  }
}
