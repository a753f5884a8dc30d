/// A random protocol over three scalarsets: arrays and records, elements as values, quantified guards, loops over all elements.
///
/// Unlike `RandomModels`, which wants every feature of the language, this wants state machines that get somewhere: rules ask for what they
/// change, guards and candidates for properties speak of the same few places. What holds is not known here; whoever uses the protocol
/// searches it and picks from `candidates`. No evaluation fails, unless the protocol is `isRisky`. The same seed gives the same protocol.
package struct RandomProtocol: Sendable {
  /// A parameter, a quantified or a loop variable.
  struct Bound: Hashable, Sendable {
    let name: String
    let sort: Int
  }
  /// What a place holds.
  enum Domain: Hashable, Sendable {
    case boolean
    case member
    case number
    /// An element of a scalarset, or undefined.
    case element(Int)
  }
  /// A simple place; `[]` in its name stands for an element of each of `indices` in turn.
  struct Place: Hashable, Sendable {
    let name: String
    let indices: [Int]
    let domain: Domain
  }
  /// `quantifiers` are parameters of a ruleset.
  struct Rule: Sendable {
    let quantifiers: [Bound]
    let condition: String
    let body: String
  }
  /// What may hold: under quantifiers, a premise and what follows.
  package struct Candidate: Sendable {
    let quantifiers: [Bound]
    let premise: String
    let conclusion: String

    /// The property.
    var claim: String { RandomProtocol.quantified("forall", quantifiers, "(\(premise)) -> (\(conclusion))") }
    /// Whether the premise is true somewhere.
    var isTriggered: String { RandomProtocol.quantified("exists", quantifiers, premise) }
  }

  /// Members of the enumeration; `§` is a prefix that tells the names of several protocols in one file apart.
  static let members = ["§P0", "§P1", "§P2"]
  static let sorts = ["§A", "§B", "§C"]

  /// Elements of each scalarset.
  package private(set) var sizes: [Int] = []
  package private(set) var candidates: [Candidate] = []
  /// Whether undefined elements may be read.
  package let isRisky: Bool
  var generator: SeededGenerator
  private var declarations: [String] = []
  private(set) var places: [Place] = []
  private var starts: [Rule] = []
  private var rules: [Rule] = []
  private var counter = 0

  /// The protocol of a seed. `candidates` many properties are proposed.
  package init(seed: UInt64, candidates: Int) {
    generator = SeededGenerator(seed: seed)
    isRisky = generator.once(in: 16)
    sizes = Self.sorts.map { _ in 2 }
    if generator.once(in: 2) { sizes[Int.random(in: 0..<3, using: &generator)] = 3 }
    declare()
    starts = [start()]
    rules = (0..<Int.random(in: 5...9, using: &generator)).map { _ in rule() }
    self.candidates = (0..<candidates).map { _ in candidate() }
  }

  // Declarations.

  /// Two to four variables, a record array among them; every scalarset is an index or a value of something.
  private mutating func declare() {
    var order = [0, 1, 2].shuffled(using: &generator)
    addRecords(by: order[0], of: order[1])
    switch Int.random(in: 0...2, using: &generator) {
    case 0: addArray([order[1], order[2]], .boolean)
    case 1: addArray([order[2]], .element(order[1]))
    default: addArray([order[2]], .member)
    }
    order.shuffle(using: &generator)
    for _ in 0..<Int.random(in: 1...2, using: &generator) {
      switch Int.random(in: 0...5, using: &generator) {
      case 0: addArray([order[0]], .boolean)
      case 1: addArray([order[1]], .element(order[0]))
      case 2: addArray([], .number)
      case 3: addArray([], .element(order[1]))
      case 4: addArray([], .member)
      default: addArray([order[2]], .boolean)
      }
    }
  }

  private mutating func addRecords(by index: Int, of value: Int) {
    let name = fresh("v")
    var fields = [("f", Domain.boolean)]
    if generator.once(in: 2) { fields.append(("s", .member)) }
    if fields.count == 1 || generator.once(in: 3) { fields.append(("o", .element(value))) }
    let types = fields.map { "\($0.0): \(Self.type(of: $0.1));" }.joined(separator: " ")
    declarations.append("\(name): array [\(Self.sorts[index])] of record \(types) end;")
    for (field, domain) in fields { places.append(Place(name: "\(name)[].\(field)", indices: [index], domain: domain)) }
  }

  private mutating func addArray(_ indices: [Int], _ domain: Domain) {
    let name = fresh("v")
    let head = indices.map { "array [\(Self.sorts[$0])] of " }.joined()
    declarations.append("\(name): \(head)\(Self.type(of: domain));")
    places.append(Place(name: name + indices.map { _ in "[]" }.joined(), indices: indices, domain: domain))
  }

  private static func type(of domain: Domain) -> String {
    switch domain {
    case .boolean: "boolean"
    case .member: "§S"
    case .number: "§N"
    case .element(let sort): sorts[sort]
    }
  }

  // Rules.

  private mutating func fresh(_ stem: String) -> String {
    counter += 1
    return "§\(stem)\(counter)"
  }

  private mutating func bound(_ stem: String, _ sort: Int) -> Bound { Bound(name: fresh(stem), sort: sort) }

  /// Everything at its least value, but for one place now and then that differs from start to start.
  private mutating func start() -> Rule {
    var quantifiers: [Bound] = []
    let chosen = places.randomElement(using: &generator)
    var parts: [String] = []
    for place in places {
      let loops = place.indices.map { bound("k", $0) }
      let target = Self.designator(place, loops.map(\.name))
      var value: String?
      switch place.domain {
      case .boolean: value = generator.once(in: 6) ? "true" : "false"
      case .member: value = Self.members[0]
      case .number: value = "0"
      case .element(let sort) where place == chosen && generator.once(in: 2):
        let choice = bound("q", sort)
        quantifiers.append(choice)
        value = choice.name
      case .element: value = nil
      }
      let statement = value.map { "\(target) := \($0);" } ?? "undefine \(target);"
      parts.append(Self.looped(loops, statement))
    }
    return Rule(quantifiers: quantifiers, condition: "true", body: parts.joined(separator: " "))
  }

  private mutating func rule() -> Rule {
    let place = generator.pick(places)
    var scope: [Bound] = []
    var indices: [String] = []
    var loops: [Bound] = []
    // Mostly one entry changes, sometimes all at once.
    for sort in place.indices {
      let variable = bound("x", sort)
      if generator.once(in: 8) { loops.append(variable) } else { scope.append(variable) }
      indices.append(variable.name)
    }
    if case .element(let sort) = place.domain { scope.append(bound("x", sort)) }
    if scope.count < 3, generator.once(in: 3) { scope.append(bound("x", Int.random(in: 0..<3, using: &generator))) }
    let target = Self.designator(place, indices)
    let (value, question) = change(of: place.domain, at: target, among: scope)
    var conditions = loops.isEmpty ? [question] : []
    for other in places.shuffled(using: &generator).filter({ $0 != place }).prefix(
      Int.random(in: 1...2, using: &generator))
    {
      conditions.append(literal(among: scope, about: other))
    }
    for (one, other) in Self.pairs(scope) where !generator.once(in: 3) { conditions.append("(\(one) != \(other))") }
    var body = [Self.looped(loops, value)]
    for _ in 0..<generator.pick([0, 0, 1, 1, 2]) { body.append(update(among: scope)) }
    return Rule(
      quantifiers: scope, condition: conditions.joined(separator: " & "), body: body.joined(separator: " "))
  }

  /// A statement that changes a place, and the condition under which it does.
  private mutating func change(
    of domain: Domain, at target: String, among scope: [Bound]
  ) -> (statement: String, question: String) {
    switch domain {
    case .boolean:
      return generator.once(in: 2) ? ("\(target) := true;", "(!\(target))") : ("\(target) := false;", "(\(target))")
    case .member:
      let next = Int.random(in: 0..<3, using: &generator)
      return ("\(target) := \(Self.members[next]);", "(\(target) = \(Self.members[(next + 2) % 3]))")
    case .number:
      return generator.once(in: 2)
        ? ("\(target) := \(target) + 1;", "(\(target) < 2)") : ("\(target) := 0;", "(\(target) = 2)")
    case .element(let sort):
      let values = scope.filter { $0.sort == sort }
      guard let value = values.randomElement(using: &generator), !generator.once(in: 3) else {
        return ("undefine \(target);", "(!isundefined(\(target)))")
      }
      return ("\(target) := \(value.name);", "(isundefined(\(target)))")
    }
  }

  /// One more statement: of one entry or in a loop over all, perhaps under a condition.
  private mutating func update(among scope: [Bound]) -> String {
    let place = generator.pick(places)
    var loops: [Bound] = []
    var indices: [String] = []
    for sort in place.indices {
      if let known = scope.filter({ $0.sort == sort }).randomElement(using: &generator), !generator.once(in: 8) {
        indices.append(known.name)
      } else {
        let variable = bound("k", sort)
        loops.append(variable)
        indices.append(variable.name)
      }
    }
    let target = Self.designator(place, indices)
    let inside = scope + loops
    var statement: String
    switch place.domain {
    case .boolean:
      let value = generator.once(in: 3) ? literal(among: inside) : generator.pick(["true", "false", "false"])
      statement = "\(target) := \(value);"
    case .number: statement = "\(target) := \(generator.pick(["0", "1", "(\(target) + 1) % 3"]));"
    case .member, .element: statement = change(of: place.domain, at: target, among: inside).statement
    }
    if generator.once(in: 3) {
      let other = generator.once(in: 4) ? " else \(change(of: place.domain, at: target, among: []).statement)" : ""
      statement = "if \(literal(among: inside)) then \(statement)\(Self.guarded(other, place.domain)) end;"
    }
    return Self.looped(loops, statement)
  }

  /// An `else` branch may not count beyond the range.
  private static func guarded(_ text: String, _ domain: Domain) -> String { domain == .number ? "" : text }

  // Conditions.

  /// A comparison of a place; indices that nothing in scope serves are quantified.
  mutating func literal(among scope: [Bound], about given: Place? = nil) -> String {
    var quantifiers: [Bound] = []
    var names: [String] = []
    // Places that the scope serves are three times as likely.
    let near = places.filter { place in place.indices.allSatisfy { sort in scope.contains { $0.sort == sort } } }
    let place = given ?? (near.isEmpty || generator.once(in: 4) ? generator.pick(places) : generator.pick(near))
    for sort in place.indices {
      if let known = scope.filter({ $0.sort == sort }).randomElement(using: &generator), !generator.once(in: 8) {
        names.append(known.name)
      } else {
        let variable = bound("y", sort)
        quantifiers.append(variable)
        names.append(variable.name)
      }
    }
    let text = comparison(Self.designator(place, names), place.domain, among: scope + quantifiers)
    if quantifiers.isEmpty { return text }
    return "(" + Self.quantified(generator.once(in: 2) ? "forall" : "exists", quantifiers, text) + ")"
  }

  private mutating func comparison(_ target: String, _ domain: Domain, among scope: [Bound]) -> String {
    switch domain {
    case .boolean: return generator.once(in: 2) ? "(\(target))" : "(!\(target))"
    case .member:
      return "(\(target) \(generator.pick(["=", "=", "!="])) \(generator.pick(Self.members)))"
    case .number: return "(\(target) \(generator.pick(["=", "!=", "<", ">="])) \(generator.pick(["0", "1", "2"])))"
    case .element(let sort):
      guard let other = scope.filter({ $0.sort == sort }).randomElement(using: &generator), !generator.once(in: 3)
      else { return generator.once(in: 2) ? "(isundefined(\(target)))" : "(!isundefined(\(target)))" }
      if isRisky && generator.once(in: 2) { return "(\(target) = \(other.name))" }
      return generator.once(in: 2)
        ? "(!isundefined(\(target)) & \(target) = \(other.name))"
        : "(isundefined(\(target)) | \(target) != \(other.name))"
    }
  }

  /// Under one to three quantifiers: that two things exclude each other, or imply a third.
  private mutating func candidate() -> Candidate {
    let count = Int.random(in: 1...3, using: &generator)
    var quantifiers = (0..<count).map { _ in bound("z", Int.random(in: 0..<3, using: &generator)) }
    if count == 1, generator.once(in: 3) { quantifiers.append(bound("z", quantifiers[0].sort)) }
    var premises = Self.pairs(quantifiers).map { "(\($0.0) != \($0.1))" }
    for _ in 0..<Int.random(in: 1...2, using: &generator) { premises.append(literal(among: quantifiers)) }
    return Candidate(
      quantifiers: quantifiers, premise: premises.joined(separator: " & "), conclusion: literal(among: quantifiers))
  }

  // Text.

  private static func designator(_ place: Place, _ names: [String]) -> String {
    var parts = place.name.split(separator: "[]", omittingEmptySubsequences: false).map { String($0) }
    for (position, name) in names.enumerated() { parts[position] += "[\(name)]" }
    return parts.joined()
  }

  private static func looped(_ loops: [Bound], _ statement: String) -> String {
    loops.reversed().reduce(statement) { "for \($1.name): \(sorts[$1.sort]) do \($0) end;" }
  }

  private static func quantified(_ word: String, _ quantifiers: [Bound], _ text: String) -> String {
    quantifiers.reversed().reduce(text) { "\(word) \($1.name): \(sorts[$1.sort]) do \($0) end" }
  }

  /// Pairs of the same sort.
  private static func pairs(_ bounds: [Bound]) -> [(String, String)] {
    bounds.enumerated().flatMap { position, one in
      bounds[(position + 1)...].filter { $0.sort == one.sort }.map { (one.name, $0.name) }
    }
  }

  /// What a text holds beside declarations and rules.
  package enum Content: Sendable {
    /// Every candidate as an invariant, and two covers: whether its premise is true somewhere, and its violation.
    case candidates
    /// These candidates as invariants, and their violations as covers.
    case properties([Int])
  }

  /// The protocol as a model of its own.
  package func text(_ content: Content) -> String {
    (header + enumerations(prefix: "") + "var\n" + variables(prefix: "") + machine(prefix: "", selector: nil)
      + properties(content, selector: nil))
      .replacing("§", with: "")
  }

  /// Several protocols in one model: one starts, and only its rules fire, so that counts are sums. Violations are covers. Scalarsets of
  /// one sort and size are shared: rumur v2022.08.20 writes a table of all permutations of all scalarsets into its verifier.
  package static func text(of protocols: [(protocol: RandomProtocol, properties: [Int])]) -> String {
    let parts = protocols.enumerated().map { number, item in (prefix: "m\(number)_", number: number, item: item) }
    var text = "const WIDE: 100000;\n"
    for (sort, letter) in sorts.enumerated() {
      for size in Set(parts.map { $0.item.protocol.sizes[sort] }).sorted() {
        text += "type \(letter)\(size): scalarset(\(size));\n".replacing("§", with: "")
      }
    }
    for part in parts { text += part.item.protocol.enumerations(prefix: part.prefix) }
    text += "var\n  which: 0..\(max(protocols.count - 1, 1));\n"
    for part in parts { text += part.item.protocol.variables(prefix: part.prefix) }
    for part in parts {
      text += part.item.protocol.machine(prefix: part.prefix, selector: part.number)
      for index in part.item.properties {
        let candidate = part.item.protocol.candidates[index]
        text += part.item.protocol.named(
          "cover \"v\(part.number) \(index)\" (which = \(part.number)) & !(\(candidate.claim));\n", part.prefix)
      }
    }
    return text
  }

  /// A text with the names of one of several protocols.
  private func named(_ text: String, _ prefix: String) -> String {
    var text = text
    if !prefix.isEmpty {
      for (sort, letter) in Self.sorts.enumerated() {
        for end in [" ", ";", "]"] {
          text = text.replacing(letter + end, with: "\(letter.dropFirst())\(sizes[sort])\(end)")
        }
      }
    }
    return text.replacing("§", with: prefix)
  }

  /// The scalarsets, with constants for their sizes.
  private var header: String {
    let constants = zip(Self.sorts, sizes).map { "\($0)_SIZE: \($1);" }.joined(separator: " ")
    let types = Self.sorts.map { "\($0): scalarset(\($0)_SIZE);" }.joined(separator: " ")
    return "const WIDE: 100000;\nconst \(constants)\ntype \(types)\n"
  }

  private func enumerations(prefix: String) -> String {
    named("type §S: enum {\(Self.members.joined(separator: ", "))}; §N: 0..2;\n", prefix)
  }

  private func variables(prefix: String) -> String {
    named(declarations.map { "  \($0)\n" }.joined(), prefix)
  }

  private func machine(prefix: String, selector: Int?) -> String {
    var text = ""
    for start in starts {
      let choice = selector.map { "which := \($0); " } ?? ""
      text += Self.ruleset(start.quantifiers, "startstate begin \(choice)\(start.body) end;")
    }
    for (number, rule) in rules.enumerated() {
      let choice = selector.map { "(which = \($0)) & " } ?? ""
      text += Self.ruleset(
        rule.quantifiers, "rule \"§r\(number)\" \(choice)\(rule.condition) ==> begin \(rule.body) end;")
    }
    return named(text, prefix)
  }

  private func properties(_ content: Content, selector: Int?) -> String {
    var text = ""
    switch content {
    case .candidates:
      for (index, candidate) in candidates.enumerated() {
        text += "invariant \"i\(index)\" \(candidate.claim);\ncover \"t\(index)\" \(candidate.isTriggered);\n"
      }
    case .properties(let chosen):
      for index in chosen {
        text += "invariant \"i\(index)\" \(candidates[index].claim);\n"
        text += "cover \"v\(index)\" !(\(candidates[index].claim));\n"
      }
    }
    return text
  }

  private static func ruleset(_ quantifiers: [Bound], _ rule: String) -> String {
    if quantifiers.isEmpty { return rule + "\n" }
    let head = quantifiers.map { "\($0.name): \(sorts[$0.sort])" }.joined(separator: "; ")
    return "ruleset \(head) do \(rule) end;\n"
  }
}
