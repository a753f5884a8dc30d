import Murphi

/// A part of a body, for passes that look at all of it.
enum Node {
  /// How a place is used.
  enum Access {
    case read
    case write
    /// Bound to a `var` parameter or an alias: whoever uses that may write it.
    case reference
  }
  case expression(Expression)
  case statement(Statement)
  case place(Place, Access)
  case call(Call)

  /// The parts directly below, in order of evaluation. A call's are its arguments, not the function's body.
  var children: [Node] {
    switch self {
    case .expression(let expression): expression.nodes
    case .statement(let statement): statement.nodes
    case .place(let place, _): place.indexNodes
    case .call(let call): call.arguments.map(\.node)
    }
  }

  /// Visits this part and all below.
  func walk(_ visit: (Node) -> Void) {
    visit(self)
    for child in children { child.walk(visit) }
  }

  /// Whether a part somewhere below, or this one, is such.
  func contains(where predicate: (Node) -> Bool) -> Bool {
    predicate(self) || children.contains { $0.contains(where: predicate) }
  }
}

extension Expression {
  /// The parts directly below.
  fileprivate var nodes: [Node] {
    switch kind {
    case .constant: []
    case .read(let place), .isUndefined(let place): [.place(place, .read)]
    case .not(let operand), .negate(let operand), .complement(let operand): [.expression(operand)]
    case .arithmetic(let first, let steps): [.expression(first)] + steps.map { .expression($0.operand) }
    case .comparison(_, let left, let right), .implication(let left, let right):
      [.expression(left), .expression(right)]
    case .connective(_, let operands): operands.map { .expression($0) }
    case .conditional(let condition, let first, let second):
      [.expression(condition), .expression(first), .expression(second)]
    case .quantified(_, let quantifier, let body): quantifier.nodes + [.expression(body)]
    case .call(let call): [.call(call)]
    }
  }

  /// Whether evaluation calls a function: such a value is not known to lie in its interval, because what a function
  /// returns is not checked against its return type.
  var containsCall: Bool {
    Node.expression(self).contains {
      if case .call = $0 { true } else { false }
    }
  }
}

extension Quantifier {
  /// The bounds.
  fileprivate var nodes: [Node] {
    switch domain {
    case .type: []
    case .bounds(let from, let to, let by): [.expression(from), .expression(to)] + (by.map { [.expression($0)] } ?? [])
    }
  }
}

extension Place {
  /// The indices.
  fileprivate var indexNodes: [Node] {
    path.compactMap {
      if case .element(let index) = $0 { .expression(index) } else { nil }
    }
  }
}

extension Call.Argument {
  /// The argument as a part.
  fileprivate var node: Node {
    switch self {
    case .value(let expression): .expression(expression)
    case .reference(let place): .place(place, .reference)
    }
  }
}

extension Statement {
  /// The parts directly below.
  fileprivate var nodes: [Node] {
    switch kind {
    case .assign(let place, let expression): [.expression(expression), .place(place, .write)]
    case .clear(let place), .undefine(let place): [.place(place, .write)]
    case .ifThen(let branches, let otherwise):
      branches.flatMap { [.expression($0.condition)] + $0.body.map(Node.statement) } + otherwise.map(Node.statement)
    case .switchOn(let value, let cases, let otherwise):
      [.expression(value)] + cases.flatMap { $0.values.map(Node.expression) + $0.body.map(Node.statement) }
        + otherwise.map(Node.statement)
    case .forEach(let quantifier, let body): quantifier.nodes + body.map(Node.statement)
    case .whileTrue(let condition, let body): [.expression(condition)] + body.map(Node.statement)
    case .aliasing(let aliases, let body): aliases.map(\.node) + body.map(Node.statement)
    case .returning(let value), .put(let value): value.map { [.expression($0)] } ?? []
    case .error: []
    case .assert(_, let condition), .assume(let condition), .cover(_, let condition): [.expression(condition)]
    case .call(let call): [.call(call)]
    }
  }
}

extension Alias {
  /// The target as a part.
  fileprivate var node: Node {
    switch target {
    case .place(let place): .place(place, .reference)
    case .value(let expression): .expression(expression)
    }
  }
}

extension [Statement] {
  /// Whether a local may be written here, directly or through a reference.
  func writes(local: Int) -> Bool {
    contains { statement in
      Node.statement(statement).contains { node in
        guard case .place(let place, let access) = node, case .local(local) = place.root else { return false }
        switch access {
        case .read: return false
        case .write, .reference: return true
        }
      }
    }
  }
}

/// Estimates how long the code of a body gets, and which functions are worth a call of their own.
struct Weights {
  /// Of each function's body, with everything inlined; `nil` for functions that are called, not inlined.
  private(set) var inlined: [Int?] = []

  /// A function heavier than this is called.
  private static let inlineLimit = 400
  /// A loop heavier than this over all its passes stays a loop.
  private static let unrollLimit = 600

  init(model: TypedModel) {
    for (position, function) in model.functions.enumerated() {
      let isRecursive = function.body.contains { statement in
        Node.statement(statement).contains {
          if case .call(let call) = $0 { call.function >= position } else { false }
        }
      }
      let weight = isRecursive ? .max : function.body.reduce(1) { $0.addingSaturated(self.weight(.statement($1))) }
      inlined.append(weight <= Self.inlineLimit ? weight : nil)
    }
  }

  /// About the number of instructions.
  func weight(_ node: Node) -> Int {
    switch node {
    case .call(let call):
      let body = call.function < inlined.count ? inlined[call.function] ?? 4 : 4
      return sum(node.children).addingSaturated(body)
    case .expression(let expression):
      guard case .quantified(_, let quantifier, let body) = expression.kind else { break }
      return loop(quantifier, [.expression(body)])
    case .statement(let statement):
      guard case .forEach(let quantifier, let body) = statement.kind else { break }
      return loop(quantifier, body.map(Node.statement))
    case .place:
      break
    }
    return sum(node.children).addingSaturated(1)
  }

  /// Whether a loop is to be unrolled.
  func unrolls(passes: Int, body: [Node]) -> Bool {
    passes <= 1 || passes.multipliedSaturated(sum(body)) <= Self.unrollLimit
  }

  /// The weight of a loop, unrolled or not.
  private func loop(_ quantifier: Quantifier, _ body: [Node]) -> Int {
    let once = sum(body).addingSaturated(4)
    guard case .type(let type) = quantifier.domain, unrolls(passes: type.count, body: body) else { return once }
    return type.count.multipliedSaturated(once)
  }

  /// The weight of several parts.
  private func sum(_ nodes: [Node]) -> Int { nodes.reduce(0) { $0.addingSaturated(weight($1)) } }
}
