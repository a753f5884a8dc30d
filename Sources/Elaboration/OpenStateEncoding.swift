import Logic
import Murphi
import TransitionSystems

/// The state as functions of elements: one per leaf, and one more that says whether it is defined, where it may be undefined.
///
/// A leaf that holds a scalarset's element is undefined where its function is `none`. A leaf with a single value has no function
/// for it.
struct OpenStateEncoding: Sendable {
  /// A leaf of a state variable.
  struct Leaf: Sendable {
    let name: String
    let shape: Layout.Shape
  }
  let layout: Layout
  /// Every leaf, in the order of the variables and of `Layout`.
  let leaves: [Leaf]
  /// By leaf: whether it is taken to be defined in every state.
  var isAlwaysDefined: [Bool]

  init(model: TypedModel, layout: Layout) {
    self.layout = layout
    leaves = model.variables.flatMap { variable in
      zip(layout.suffixes(of: variable.type), layout.leaves(of: variable.type)).map {
        Leaf(name: variable.name + $0, shape: $1)
      }
    }
    isAlwaysDefined = [Bool](repeating: false, count: leaves.count)
  }

  /// The memory before a startstate: everything undefined.
  func undefinedMemory(_ store: inout TermStore) -> [Scalar] {
    leaves.map { store.undefined($0.shape.type, in: layout) }
  }

  /// The memory of a state: the functions at their argument variables.
  func memory(_ store: inout TermStore) -> [Scalar] {
    leaves.indices.map { leaf in
      let payload = payload(leaf, &store)
      return Scalar(defined: definedness(leaf, payload, &store), payload: payload)
    }
  }

  /// The variables that stand for a leaf's arguments.
  func arguments(_ leaf: Int, _ store: inout TermStore) -> [Term] {
    leaves[leaf].shape.arguments.enumerated().map { store.argument($0, sort: $1) }
  }

  /// A leaf's function, applied to its argument variables.
  private func application(_ leaf: Int, _ name: String, _ sort: Sort, _ store: inout TermStore) -> Term {
    let sorts = leaves[leaf].shape.arguments.map { Sort.uninterpreted($0) }
    let function = store.function(name, sorts, sort)
    return store.apply(function, arguments(leaf, &store))
  }

  /// The name of the function that says whether a leaf is defined.
  func definednessName(_ leaf: Int) -> String { leaves[leaf].name + "#defined" }

  private func definedness(_ leaf: Int, _ payload: Payload, _ store: inout TermStore) -> Term {
    if isAlwaysDefined[leaf] { return store.boolean(true) }
    if case .element(let term) = payload { return store.isElement(term) }
    return application(leaf, definednessName(leaf), .boolean, &store)
  }

  private func payload(_ leaf: Int, _ store: inout TermStore) -> Payload {
    let type = leaves[leaf].shape.type
    let name = leaves[leaf].name
    if type == .boolean { return .truth(application(leaf, name, .boolean, &store)) }
    if let sort = layout.openSort(of: type) {
      return .element(application(leaf, name, .uninterpreted(sort), &store))
    }
    let values = Layout.rawValues(of: type)
    if values.count == 1 { return .number(store.number(values.lowerBound)) }
    let width = NumberCode(values).width
    return .number(
      Number(term: application(leaf, name, .bitVector(width: width), &store), interval: values))
  }

  // Functions, written out over predicates.

  /// The functions of the state and how leaves are coded in them.
  struct Tables: Sendable {
    /// Per leaf its definedness, then its value.
    var functions: [StateFunction] = []
    /// What each function of the terms becomes.
    var domains: [FunctionSymbol: FiniteDomains.Function] = [:]
    /// By leaf: the positions of its functions.
    var positions: [(definedness: Int?, value: Int?)] = []
    /// By function whose values are numbers, enumerations or scalarsets with a size: their patterns.
    var codes: [Int: (width: Int, patterns: [UInt128])] = [:]
  }

  /// The functions of the state.
  func tables(_ store: inout TermStore) -> Tables {
    var tables = Tables()
    for (leaf, scalar) in memory(&store).enumerated() {
      var position: (definedness: Int?, value: Int?) = (nil, nil)
      if let definedness = definednessFunction(leaf, scalar, &store) {
        position.definedness = tables.functions.count
        tables.functions.append(definedness)
      }
      if let (function, symbol, domain) = valueFunction(leaf, scalar, &store) {
        position.value = tables.functions.count
        if case .bits(let patterns, _) = domain, case .number(let number) = scalar.payload {
          tables.codes[tables.functions.count] = (store.width(of: number.term), patterns)
        }
        tables.functions.append(function)
        tables.domains[symbol] = domain
      }
      tables.positions.append(position)
    }
    return tables
  }

  /// The function that says whether a leaf is defined; nil where there is none of its own.
  private func definednessFunction(_ leaf: Int, _ scalar: Scalar, _ store: inout TermStore) -> StateFunction? {
    if isAlwaysDefined[leaf] { return nil }
    if case .element = scalar.payload { return nil }
    return StateFunction(
      name: leaves[leaf].name, reading: .definedness, range: .boolean(store.function(of: scalar.defined)),
      arguments: arguments(leaf, &store))
  }

  private func valueFunction(
    _ leaf: Int, _ scalar: Scalar, _ store: inout TermStore
  ) -> (StateFunction, FunctionSymbol, FiniteDomains.Function)? {
    let name = leaves[leaf].name
    let arguments = arguments(leaf, &store)
    let sorts = leaves[leaf].shape.arguments.map { Sort.uninterpreted($0) }
    switch scalar.payload {
    case .truth(let term):
      let symbol = store.function(of: term)
      let function = StateFunction(name: name, reading: .value, range: .boolean(symbol), arguments: arguments)
      return (function, symbol, .boolean)
    case .element(let term):
      guard case .uninterpreted(let sort) = store.sort(of: term) else { preconditionFailure("no element") }
      let predicate = store.function("\(name) =", sorts + [.uninterpreted(sort)], .boolean)
      let undefined = isAlwaysDefined[leaf] ? nil : store.function("\(name) undefined", sorts, .boolean)
      let function = StateFunction(
        name: name, reading: .value, range: .elements(sort: sort, predicate, undefined: undefined),
        arguments: arguments,
        result: store.variable("#result.S\(sort)", .uninterpreted(sort)))
      return (function, store.function(of: term), .element(predicate, undefined: undefined))
    case .number(let number):
      if number.constant != nil { return nil }
      let type = leaves[leaf].shape.type
      let raws = Array(Layout.rawValues(of: type))
      let values = raws.map { Layout.value($0, of: type) }
      let predicates = values.map { store.function("\(name) = \($0)", sorts, .boolean) }
      let width = NumberCode(number.interval).width
      let patterns = raws.map { BitPattern.pattern(Int128($0), width: width) }
      let function = StateFunction(
        name: name, reading: .value, range: .values(values, predicates), arguments: arguments)
      return (function, store.function(of: number.term), .bits(patterns, predicates))
    }
  }

  // Reading.

  /// How the model's variables are read from the functions.
  func decodings(of model: TypedModel, _ tables: Tables) -> [OpenVariable] {
    var rest = tables.positions[...]
    return model.variables.map { OpenVariable($0.name, decoding(of: $0.type, from: &rest)) }
  }

  /// How a value is put together from its leaves, taken from the front.
  private func decoding(
    of type: Type, from positions: inout ArraySlice<(definedness: Int?, value: Int?)>
  ) -> OpenDecoding {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      let (definedness, value) = positions.removeFirst()
      if let value { return .function(value, definedness: definedness) }
      return .fixed(Layout.value(Layout.rawValues(of: type).lowerBound, of: type), definedness: definedness)
    case .record(let fields):
      return .record(fields.map { OpenField($0.name, decoding(of: $0.type, from: &positions)) })
    case .array(let index, let element):
      if let sort = layout.openSort(of: index) {
        return .openArray(sort: sort, decoding(of: element, from: &positions))
      }
      return .array(
        Layout.rawValues(of: index).map { raw in
          OpenElement(Layout.value(raw, of: index), decoding(of: element, from: &positions))
        })
    }
  }
}
