import Logic
import TransitionSystems

/// Many random runs at once, to have some states that are certainly reachable.
///
/// Each bit position of a machine word is a run of its own; a step evaluates every rule at every choice of elements in all runs
/// together and lets each run take one that is enabled. Half of the time that is one of the rule that was taken least often so far,
/// so that runs get past the loops at the start of a protocol. Nothing is concluded from what the runs do *not* reach.
///
/// The same system and seed give the same states.
struct Simulation {
  /// Words per column: 64 runs each.
  private static let words = 4
  private static let runs = words * 64
  /// Steps of each run.
  private static let steps = 160
  /// More rules at elements than this are too many to be worth it.
  private static let mostInstances = 20_000

  /// A rule at elements, with what it makes of the atoms that it changes.
  private struct Step {
    let rule: Int
    let elements: [Int]
    let enabled: Term
    let changes: [(atom: Int, truth: Term)]
  }

  private let system: ParameterizedSystem
  private(set) var grounding: Grounding
  /// The atoms that a state consists of, in the order of its bits.
  private(set) var atoms: [Atom] = []
  private var steps: [Step] = []
  private var inputs: [RuleInput] = []
  /// The Boolean variables of the inputs.
  private var inputVariables: [Term] = []
  private var program: WordProgram?
  private var generator: SplitMix
  /// By rule: how often it was taken.
  private var taken: [Int]

  init?(_ system: ParameterizedSystem, sizes: [Int], seed: UInt64, in store: inout TermStore) {
    self.system = system
    generator = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15)
    grounding = Grounding(system, sizes: sizes, tag: "sample ")
    taken = [Int](repeating: 0, count: system.rules.count)
    makeAtoms(&store)
    guard makeSteps(&store) else { return nil }
  }

  /// Every tuple of elements of some sorts.
  private func tuples(_ sorts: [Int]) -> [[Int]] {
    sorts.reduce([[]]) { tuples, sort in
      tuples.flatMap { tuple in (0..<grounding.sizes[sort]).map { tuple + [$0] } }
    }
  }

  private mutating func makeAtoms(_ store: inout TermStore) {
    for relation in grounding.relations.indices {
      for arguments in tuples(grounding.relations[relation].sorts) {
        atoms.append(grounding.atom(relation, arguments, in: &store))
      }
    }
  }

  /// Writes every rule out. Returns: whether there are few enough.
  private mutating func makeSteps(_ store: inout TermStore) -> Bool {
    let bits = Dictionary(uniqueKeysWithValues: atoms.enumerated().map { ($1, $0) })
    var number = 0
    for (index, rule) in system.rules.enumerated() {
      inputs += rule.inputs
      let written = Set(rule.updates.map(\.function))
      let sorts = rule.elements.map { Grounding.number(store.sort(of: $0)) }
      for elements in tuples(sorts) {
        let instance = RuleInstance(number: number, rule: index, elements: elements)
        number += 1
        if number > Self.mostInstances { return false }
        grounding.bind(instance)
        let enabled = grounding.ground(rule.enabled, in: &store)
        if store.constant(enabled) == .boolean(false) { continue }
        var changes: [(atom: Int, truth: Term)] = []
        for atom in atoms where !written.isDisjoint(with: grounding.relation(atom).functions) {
          let proposition = grounding.proposition(atom)
          grounding.bind(instance)
          let truth = grounding.next(proposition.relation, proposition.arguments, after: instance, in: &store)
          if truth != proposition.variable, let bit = bits[atom] { changes.append((bit, truth)) }
        }
        steps.append(Step(rule: index, elements: elements, enabled: enabled, changes: changes))
      }
    }
    return true
  }

  /// States that runs from the start visit, each once: a bit per atom in `atoms`.
  mutating func statesFromStart(in store: inout TermStore) -> [[UInt64]] {
    guard let columns = startColumns(in: &store) else { return [] }
    compile(store)
    return visited(from: columns, steps: Self.steps, store)
  }

  /// States that runs from a state visit, that one included.
  mutating func states(from state: [UInt64], steps: Int, _ store: TermStore) -> [[UInt64]] {
    var columns = [UInt64](repeating: 0, count: atoms.count * Self.words)
    for bit in atoms.indices where state[bit / 64] >> UInt64(bit % 64) & 1 == 1 {
      for word in 0..<Self.words { columns[bit * Self.words + word] = .max }
    }
    return visited(from: columns, steps: steps, store)
  }

  private mutating func visited(from start: [UInt64], steps count: Int, _ store: TermStore) -> [[UInt64]] {
    guard let program else { preconditionFailure("a simulation that was not compiled") }
    var columns = start
    var seen: Set<[UInt64]> = []
    var states: [[UInt64]] = []
    func note(_ columns: [UInt64]) {
      for state in rows(of: columns) where seen.insert(state).inserted { states.append(state) }
    }
    note(columns)
    for _ in 0..<count {
      let values = program.run(columns + columnsOfInputs(inputs, inputVariables, store), count: Self.words)
      let selected = choose(program, values)
      for (step, mask) in selected.sorted(by: { $0.key < $1.key }) {
        for change in steps[step].changes {
          let base = program.position(of: change.truth) * Self.words
          for word in 0..<Self.words {
            let old = columns[change.atom * Self.words + word]
            columns[change.atom * Self.words + word] = mask[word] & values[base + word] | ~mask[word] & old
          }
        }
      }
      note(columns)
    }
    return states
  }

  /// Turns all rules into code.
  private mutating func compile(_ store: TermStore) {
    let terms = steps.flatMap { [$0.enabled] + $0.changes.map(\.truth) }
    inputVariables = store.freeVariables(of: inputs.flatMap { $0.choices.map(\.literal) })
    let variables = atoms.map { grounding.proposition($0).variable } + inputVariables
    program = WordProgram(terms, over: variables, defining: grounding.definitions, store)
  }

  /// The state after a move; nil if the move is not possible, or not among those that are simulated.
  func state(after move: Move, from state: [UInt64], _ store: TermStore) -> [UInt64]? {
    guard let program, let step = steps.first(where: { $0.rule == move.rule && $0.elements == move.elements }) else {
      return nil
    }
    var words = atoms.indices.map { state[$0 / 64] >> UInt64($0 % 64) & 1 }
    var chosen: Set<Term> = []
    for (input, position) in zip(system.rules[move.rule].inputs, move.inputs) {
      chosen.insert(input.choices[position].literal)
    }
    for variable in inputVariables { words.append(chosen.contains(variable) ? 1 : 0) }
    let values = program.run(words, count: 1)
    guard values[program.position(of: step.enabled)] & 1 == 1 else { return nil }
    var next = state
    for change in step.changes {
      let bit = UInt64(1) << UInt64(change.atom % 64)
      let isTrue = values[program.position(of: change.truth)] & 1 == 1
      if isTrue { next[change.atom / 64] |= bit } else { next[change.atom / 64] &= ~bit }
    }
    return next
  }

  /// The sorts of a rule's elements.
  func sorts(of rule: Int) -> [Int] {
    system.rules[rule].elements.map { Grounding.number(system.store.sort(of: $0)) }
  }

  /// The variable of a relation at elements.
  mutating func variable(_ relation: Int, _ arguments: [Int], in store: inout TermStore) -> Term {
    let atom = grounding.atom(relation, arguments, in: &store)
    return grounding.proposition(atom).variable
  }

  /// A quantifier at elements of its free variables, written out.
  mutating func instances(
    of quantifier: Term, _ variables: [Term], _ arguments: [Int], in store: inout TermStore
  ) -> Term {
    for (variable, element) in zip(variables, arguments) { grounding.bind(variable, to: element) }
    return grounding.instances(of: quantifier, after: nil, in: &store)
  }

  // Starts.

  /// A start state for every run; nil if no start is possible with the inputs that were drawn.
  private mutating func startColumns(in store: inout TermStore) -> [UInt64]? {
    var columns: [UInt64] = []
    var open = [UInt64](repeating: .max, count: Self.words)
    columns = [UInt64](repeating: 0, count: atoms.count * Self.words)
    for _ in 0..<8 where open.contains(where: { $0 != 0 }) {
      for start in system.starts.indices { fill(&columns, &open, from: start, in: &store) }
    }
    return open.allSatisfy { $0 == 0 } ? columns : nil
  }

  /// Gives runs without a state one of a start, at random elements and inputs.
  private mutating func fill(
    _ columns: inout [UInt64], _ open: inout [UInt64], from position: Int, in store: inout TermStore
  ) {
    let start = system.starts[position]
    let elements = start.elements.map { variable in
      Int(generator.next() % UInt64(grounding.sizes[Grounding.number(store.sort(of: variable))]))
    }
    let instance = RuleInstance(
      number: Int(1 << 23) + position, rule: system.rules.count + position, elements: elements)
    grounding.bind(instance)
    let enabled = grounding.ground(start.enabled, in: &store)
    var truths: [Term] = []
    for atom in atoms {
      let proposition = grounding.proposition(atom)
      grounding.bind(instance)
      truths.append(grounding.next(proposition.relation, proposition.arguments, after: instance, in: &store))
    }
    let choices = start.inputs.flatMap { $0.choices.map(\.literal) }
    let free = store.freeVariables(of: choices)
    let program = WordProgram([enabled] + truths, over: free, defining: [:], store)
    let drawn = columnsOfInputs(start.inputs, free, store)
    let values = program.run(drawn, count: Self.words)
    let base = program.position(of: enabled) * Self.words
    // Not all runs at once, so that several starts get some.
    let share = (0..<Self.words).map { _ in system.starts.count > 1 ? generator.next() : .max }
    let masks = (0..<Self.words).map { values[base + $0] & open[$0] & share[$0] }
    for (bit, truth) in truths.enumerated() {
      let base = program.position(of: truth) * Self.words
      for word in 0..<Self.words { columns[bit * Self.words + word] |= masks[word] & values[base + word] }
    }
    for word in 0..<Self.words { open[word] &= ~masks[word] }
  }

  // Steps.

  /// A random choice of every input in every run, as words of the inputs' variables.
  private mutating func columnsOfInputs(_ inputs: [RuleInput], _ free: [Term], _ store: TermStore) -> [UInt64] {
    var words = [Term: [UInt64]](uniqueKeysWithValues: free.map { ($0, [UInt64](repeating: 0, count: Self.words)) })
    for input in inputs {
      for run in 0..<Self.runs {
        let choice = input.choices[Int(generator.next() % UInt64(input.choices.count))]
        if store.operation(of: choice.literal) == .variable {
          words[choice.literal]?[run / 64] |= 1 << UInt64(run % 64)
        }
      }
    }
    return free.flatMap { words[$0] ?? [] }
  }

  /// For every run one enabled step, as masks by step.
  private mutating func choose(_ program: WordProgram, _ values: [UInt64]) -> [Int: [UInt64]] {
    var selected: [Int: [UInt64]] = [:]
    let bases = steps.map { program.position(of: $0.enabled) * Self.words }
    for run in 0..<Self.runs {
      let bit = UInt64(1) << UInt64(run % 64)
      let enabled = steps.indices.filter { values[bases[$0] + run / 64] & bit != 0 }
      guard !enabled.isEmpty else { continue }
      var step = enabled[Int(generator.next() % UInt64(enabled.count))]
      if generator.next() % 2 == 0 {
        let least = enabled.map { taken[steps[$0].rule] }.min() ?? 0
        let rare = enabled.filter { taken[steps[$0].rule] == least }
        step = rare[Int(generator.next() % UInt64(rare.count))]
      }
      taken[steps[step].rule] += 1
      selected[step, default: [UInt64](repeating: 0, count: Self.words)][run / 64] |= bit
    }
    return selected
  }

  /// The states of the runs.
  private func rows(of columns: [UInt64]) -> [[UInt64]] {
    let width = (atoms.count + 63) / 64
    var rows = [[UInt64]](repeating: [UInt64](repeating: 0, count: width), count: Self.runs)
    for bit in atoms.indices {
      for word in 0..<Self.words {
        var left = columns[bit * Self.words + word]
        while left != 0 {
          rows[word * 64 + left.trailingZeroBitCount][bit / 64] |= 1 << UInt64(bit % 64)
          left &= left - 1
        }
      }
    }
    return rows
  }
}

/// A small generator (Steele, Lea, Flood, 2014).
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
