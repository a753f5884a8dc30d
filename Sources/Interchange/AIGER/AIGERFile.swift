package import Logic

/// A synchronous system as an and-inverter graph in the AIGER format 1.9 (Biere, Heljanko, Wieringa, FMV Report 11/2, 2011).
///
/// - A latch per bit of a register, an input per bit of an input, a bad output (`B` section) per property. Constraints,
///   justice and fairness are not used, nor are latches without a reset.
/// - Cone of influence: latches, inputs and gates that no bad output depends on are left out. Where nothing would be left, one of
///   each stays, `#unused`: berkeley-abc's `bmc3` refuses files without latches, and its witness for a file without inputs has no
///   lines, so that nobody can tell how long it is.
/// - Names: `linked[table_0]`, or `step:2` for bit 2 of a number; `#rule` and `#parameter0` are the choice of `ChoiceCode`, other
///   names with `#` are explained in `SynchronousSystem`; no two are equal. The comment section says what the numbers mean and what the offset is.
///
/// The same system gives the same bytes.
package struct AIGERFile: Sendable {
  /// A bit of a variable of the synchronous system.
  package struct Bit: Hashable, Sendable {
    package let term: Term
    /// From 0, the lowest.
    package let index: Int
  }

  /// A bit that is remembered. Literals are numbered as in the file.
  struct Latch: Sendable {
    /// Nil for one that is not used.
    let bit: Bit?
    let reset: Bool
    var next: UInt32
  }

  /// A conjunction of two literals of the file; the larger one first.
  struct Gate: Sendable {
    let left: UInt32
    let right: UInt32
  }

  /// What is written.
  package let synchronous: SynchronousSystem
  /// In the order of the file; nil for one that is not used.
  package let inputs: [Bit?]
  let latches: [Latch]
  let gates: [Gate]
  /// By bad output of the system: its literal.
  let bads: [UInt32]

  package init(_ synchronous: SynchronousSystem) {
    self.synchronous = synchronous
    var blaster = BitBlaster(synchronous.store)
    var cone = AIGERCone(synchronous, &blaster)
    cone.collect(blaster.graph)
    inputs = cone.inputs
    latches = cone.latches
    gates = cone.gates
    bads = cone.bads
  }

  /// The number of latches.
  package var latchCount: Int { latches.count }
  /// The number of conjunctions.
  package var gateCount: Int { gates.count }
}

/// The part of a graph that bad outputs depend on, numbered as AIGER wants it: inputs, latches, then gates.
struct AIGERCone {
  private typealias Literal = AndInverterGraph.Literal

  private(set) var inputs: [AIGERFile.Bit?] = []
  private(set) var latches: [AIGERFile.Latch] = []
  private(set) var gates: [AIGERFile.Gate] = []
  private(set) var bads: [UInt32] = []

  /// A leaf of the graph that is a latch.
  private struct Memory {
    let bit: AIGERFile.Bit
    let reset: Bool
    let next: Literal
  }
  /// In the system's order, with their leaves.
  private var inputLeaves: [(node: Int, bit: AIGERFile.Bit)] = []
  private var memories: [(node: Int, memory: Memory)] = []
  private var badLiterals: [Literal] = []

  /// Builds everything in the blaster's graph.
  init(_ synchronous: SynchronousSystem, _ blaster: inout BitBlaster) {
    for input in synchronous.inputs {
      for (index, literal) in blaster.declare(input).enumerated() {
        inputLeaves.append((literal.node, AIGERFile.Bit(term: input, index: index)))
      }
    }
    let leaves = synchronous.registers.map { blaster.declare($0.term) }
    for (register, leaves) in zip(synchronous.registers, leaves) {
      let next = blaster.literals(of: register.next)
      for (index, literal) in leaves.enumerated() {
        let memory = Memory(
          bit: AIGERFile.Bit(term: register.term, index: index),
          reset: register.reset.unsigned >> UInt128(index) & 1 == 1,
          next: next[index])
        memories.append((literal.node, memory))
      }
    }
    badLiterals = synchronous.bads.map { blaster.literals(of: $0.term)[0] }
  }

  /// Finds what is needed and numbers it.
  mutating func collect(_ graph: AndInverterGraph) {
    let isNeeded = needed(graph)
    var numbers = [UInt32](repeating: 0, count: graph.count)
    var count: UInt32 = 0
    func take(_ node: Int) {
      count += 1
      numbers[node] = count
    }
    func renumbered(_ literal: Literal) -> UInt32 { numbers[literal.node] << 1 | (literal.isNegated ? 1 : 0) }
    let usedInputs = inputLeaves.filter { isNeeded[$0.node] }
    let usedMemories = memories.filter { isNeeded[$0.node] }
    inputs = usedInputs.isEmpty ? [nil] : usedInputs.map(\.bit)
    if usedInputs.isEmpty { count += 1 }
    for (node, _) in usedInputs { take(node) }
    if usedMemories.isEmpty { count += 1 }
    for (node, _) in usedMemories { take(node) }
    for node in 0..<graph.count where isNeeded[node] {
      guard let (low, high) = graph.conjunction(node) else { continue }
      take(node)
      let (one, other) = (renumbered(low), renumbered(high))
      gates.append(AIGERFile.Gate(left: max(one, other), right: min(one, other)))
    }
    latches = usedMemories.map { _, memory in
      AIGERFile.Latch(bit: memory.bit, reset: memory.reset, next: renumbered(memory.next))
    }
    if latches.isEmpty { latches = [AIGERFile.Latch(bit: nil, reset: false, next: 0)] }
    bads = badLiterals.map(renumbered)
  }

  /// By node: a bad output depends on it, now or later.
  private func needed(_ graph: AndInverterGraph) -> [Bool] {
    var isNeeded = [Bool](repeating: false, count: graph.count)
    let next = Dictionary(uniqueKeysWithValues: memories.map { ($0.node, $0.memory.next.node) })
    var pending = badLiterals.map(\.node)
    while let node = pending.popLast() {
      if isNeeded[node] { continue }
      isNeeded[node] = true
      if let (low, high) = graph.conjunction(node) {
        pending += [low.node, high.node]
      } else if let next = next[node] {
        pending.append(next)
      }
    }
    return isNeeded
  }
}
