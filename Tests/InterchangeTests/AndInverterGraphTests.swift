import Testing

@testable import Interchange

/// Sharing and folding: what a gate is not made for.
@Suite struct AndInverterGraphTests {
  private typealias Literal = AndInverterGraph.Literal

  @Test func constantsAndRepetitions() {
    var graph = AndInverterGraph()
    let a = graph.leaf()
    #expect(graph.and(a, .isTrue) == a)
    #expect(graph.and(.isFalse, a) == .isFalse)
    #expect(graph.and(a, a) == a)
    #expect(graph.and(a, !a) == .isFalse)
    #expect(graph.or(a, !a) == .isTrue)
    #expect(graph.count == 2)
  }

  @Test func equalGatesAreOne() {
    var graph = AndInverterGraph()
    let (a, b) = (graph.leaf(), graph.leaf())
    #expect(graph.and(a, b) == graph.and(b, a))
    #expect(graph.count == 4)
  }

  @Test func oneLevelDown() {
    var graph = AndInverterGraph()
    let (a, b) = (graph.leaf(), graph.leaf())
    let both = graph.and(a, b)
    #expect(graph.and(both, a) == both)
    #expect(graph.and(both, !a) == .isFalse)
    #expect(graph.and(!both, !a) == !a)
    let onlyA = graph.and(a, !b)
    #expect(graph.and(!both, a) == onlyA)
    #expect(graph.and(both, onlyA) == .isFalse)
    #expect(graph.and(both, !onlyA) == both)
    #expect(graph.and(!both, !onlyA) == !a)
  }

  /// `clear x where c` and `set x where c` share what they can: one gate for x beside the condition's.
  @Test func choicesFactor() {
    var graph = AndInverterGraph()
    let (c, s, x) = (graph.leaf(), graph.leaf(), graph.leaf())
    let kept = graph.and(x, !s)
    let next = graph.choose(c, kept, x)
    let flush = graph.and(c, s)
    #expect(next == graph.and(x, !flush))
    #expect(graph.choose(c, .isTrue, x) == graph.or(c, x))
    #expect(graph.choose(c, .isFalse, x) == graph.and(!c, x))
    #expect(graph.choose(c, x, !x) == graph.equal(c, x))
    #expect(graph.choose(c, x, x) == x)
  }

  /// Every function of three variables that is built from random choices equals itself built without any folding.
  @Test func foldingKeepsMeaning() {
    for first in 0..<16 {
      for second in 0..<16 {
        var graph = AndInverterGraph()
        let leaves = [graph.leaf(), graph.leaf(), graph.leaf()]
        let masks: [UInt64] = [0b1010_1010, 0b1100_1100, 0b1111_0000]
        func literal(_ number: Int) -> (Literal, UInt64) {
          let (leaf, mask) = (leaves[number % 3], masks[number % 3])
          return number & 8 == 0 ? (leaf, mask) : (!leaf, ~mask)
        }
        let (a, valueA) = literal(first & 3 | first & 8)
        let (b, valueB) = literal(second & 3 | second & 8)
        let (c, valueC) = literal(first >> 2 | second & 8)
        let pair = graph.and(a, b)
        let pairValue = valueA & valueB
        let other = graph.and(first & 4 == 0 ? pair : !pair, c)
        let otherValue = (first & 4 == 0 ? pairValue : ~pairValue) & valueC
        let choice = graph.choose(c, other, second & 4 == 0 ? pair : !pair)
        let choiceValue = valueC & otherValue | ~valueC & (second & 4 == 0 ? pairValue : ~pairValue)
        let different = graph.exclusiveOr(choice, other)
        let simulation = GraphSimulation(
          graph, leaves: Dictionary(uniqueKeysWithValues: zip(leaves.map(\.node), masks)))
        #expect(simulation[other] & 0xFF == otherValue & 0xFF)
        #expect(simulation[choice] & 0xFF == choiceValue & 0xFF)
        #expect(simulation[different] & 0xFF == (choiceValue ^ otherValue) & 0xFF)
      }
    }
  }
}
