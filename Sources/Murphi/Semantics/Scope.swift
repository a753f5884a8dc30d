import Diagnostics

/// What a name means.
struct Symbol: Sendable {
  /// The thing itself.
  enum Entity: Sendable {
    /// A folded constant or an enumeration's member.
    case constant(Expression)
    case type(Type)
    /// The position in `TypedModel.variables`.
    case variable(Int)
    /// The position in the body's locals.
    case local(Int, Access)
    /// The position in `TypedModel.functions`.
    case function(Int)
    /// Declared with an error: its uses are not reported again.
    case broken
  }
  let entity: Entity
  /// Where it is declared; nil for what the language brings.
  let range: SourceRange?
}

/// Whether something may be written.
enum Access: Sendable {
  case readOnly
  case writable
}

/// The names in force, innermost scope last.
struct ScopeStack: Sendable {
  private var scopes: [[String: Symbol]]

  /// One scope with what the language brings.
  init() {
    scopes = [
      [
        "false": Symbol(entity: .constant(Self.boolean(0)), range: nil),
        "true": Symbol(entity: .constant(Self.boolean(1)), range: nil),
      ]
    ]
  }

  /// A boolean's constant, with no place.
  private static func boolean(_ raw: Int) -> Expression {
    Expression(.constant(raw), type: .boolean, range: SourceRange(start: 0, end: 0))
  }

  /// Opens a scope.
  mutating func push() { scopes.append([:]) }

  /// Closes the innermost scope.
  mutating func pop() { scopes.removeLast() }

  /// The innermost meaning of a name.
  func lookup(_ name: String) -> Symbol? {
    for scope in scopes.reversed() {
      if let symbol = scope[name] { return symbol }
    }
    return nil
  }

  /// Declares a name; returns the previous symbol of the same scope, which then stays.
  mutating func declare(_ name: String, _ symbol: Symbol) -> Symbol? {
    let last = scopes.count - 1
    if let previous = scopes[last][name] { return previous }
    scopes[last][name] = symbol
    return nil
  }

  /// Makes a name known that nothing declares, so that it is reported once.
  mutating func declareBroken(_ name: String) {
    scopes[0][name] = Symbol(entity: .broken, range: nil)
  }
}
