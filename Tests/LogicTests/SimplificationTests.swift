import Logic
import TestSupport
import Testing

/// Every rewrite keeps the value under every assignment: the same construction with and without rewriting, evaluated.
@Suite struct SimplificationTests {
  /// Compares a term of a store without rewriting with what a rewriting store makes of it.
  private struct Comparison {
    let plain: TermStore
    var rewritten = TermStore()
    var transcription: Transcription
    /// How many terms came out as another operator or another value.
    var changed = 0

    init(_ plain: TermStore) {
      self.plain = plain
      transcription = Transcription(from: plain)
    }

    /// Whether both are worth the same under each assignment (by the names of the variables).
    mutating func agrees(_ term: Term, under assignments: [[Term: TermValue]]) -> Bool {
      let other = transcription.transcribe(term, to: &rewritten)
      if rewritten.operation(of: other) != plain.operation(of: term) { changed += 1 }
      guard rewritten.sort(of: other) == plain.sort(of: term) else { return false }
      for assignment in assignments {
        var named: [Term: TermValue] = [:]
        for (variable, value) in assignment {
          guard let name = plain.name(variable), rewritten.hasVariable(name) else { continue }
          named[rewritten.variable(name, value.sort)] = value
        }
        var first = Evaluation(plain, assignment)
        var second = Evaluation(rewritten, named)
        if first.value(of: term) != second.value(of: other) { return false }
      }
      return true
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func randomTermsKeepTheirValue(seed: UInt64) {
    var terms = RandomTerms(seed: seed, widths: [1, 2, 8, 64, 127, 128], rewriting: .off)
    let built = (0..<400).map { _ in terms.next() }
    let assignments = (0..<12).map { _ in terms.assignment() }
    var comparison = Comparison(terms.store)
    for term in built {
      let agrees = comparison.agrees(term, under: assignments)
      #expect(agrees, "seed \(seed), term \(term.index)")
    }
    #expect(comparison.changed > 40)
  }

  /// Operators over operators over leaves, all of them, under all assignments: every rule meets every small shape.
  @Test(arguments: [1, 2])
  func smallTermsExhaustively(width: Int) {
    var store = TermStore(rewriting: .off)
    let x = store.variable("x", .bitVector(width: width))
    let y = store.variable("y", .bitVector(width: width))
    let p = store.variable("p", .boolean)
    let q = store.variable("q", .boolean)
    let patterns = (0..<UInt128(1) << UInt128(width)).map { $0 }
    var words = [x, y] + patterns.map { store.bits($0, width: width) }
    var truths = [p, q, store.boolean(true), store.boolean(false)]
    let firstLayer = layer(&store, words, truths, width)
    words += firstLayer.words
    truths += firstLayer.truths
    let outer = layer(&store, Array(words.prefix(14)), Array(truths.prefix(10)), width)
    var assignments: [[Term: TermValue]] = []
    for first in patterns {
      for second in patterns {
        for number in 0..<4 {
          assignments.append([
            x: .bits(first, width: width), y: .bits(second, width: width), p: .boolean(number & 1 == 1),
            q: .boolean(number & 2 == 2),
          ])
        }
      }
    }
    var comparison = Comparison(store)
    for term in firstLayer.words + firstLayer.truths + outer.words + outer.truths {
      let agrees = comparison.agrees(term, under: assignments)
      #expect(agrees, "term \(term.index)")
    }
    #expect(comparison.changed > 500)
  }

  /// One operator over all operands from the lists.
  private func layer(
    _ store: inout TermStore, _ words: [Term], _ truths: [Term], _ width: Int
  ) -> (words: [Term], truths: [Term]) {
    let arithmetic: [Operator] = [
      .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitAnd,
      .bitOr, .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic,
    ]
    let relations: [Operator] = [.equal, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned]
    var newWords = words.flatMap { [store.negate($0), store.bitNot($0), store.extendUnsigned($0, to: width)] }
    var newTruths = truths.map { store.not($0) }
    for first in truths {
      for second in truths {
        newTruths += [store.and(first, second), store.or(first, second), store.equal(first, second)]
        newTruths.append(store.ifThenElse(truths[0], first, second))
        newTruths.append(store.ifThenElse(first, second, truths[1]))
      }
      newWords.append(store.ifThenElse(first, words[0], words[words.count - 1]))
      newWords.append(store.ifThenElse(first, words[2], words[0]))
    }
    for first in words {
      for second in words {
        newWords += arithmetic.map { store.build($0, [first, second]) }
        newTruths += relations.map { store.build($0, [first, second]) }
      }
    }
    return (newWords, newTruths)
  }

  @Test func theRulesFire() {
    var store = TermStore()
    let x = store.variable("x", .bitVector(width: 8))
    let y = store.variable("y", .bitVector(width: 8))
    let p = store.variable("p", .boolean)
    let q = store.variable("q", .boolean)
    let yes = store.boolean(true)
    let no = store.boolean(false)
    let zero = store.bits(0, width: 8)
    let notP = store.not(p)
    expectSame(store.not(notP), p)
    expectSame(store.and([p, q, notP]), no)
    expectSame(store.or([q, notP, p]), yes)
    expectSame(store.and([p, yes, p]), p)
    expectSame(store.and([Term]()), yes)
    expectSame(store.or([Term]()), no)
    let pair = store.and(p, q)
    let r = store.variable("r", .boolean)
    expectSame(store.and(pair, r), store.and([p, q, r]))
    expectSame(store.equal(p, notP), no)
    expectSame(store.ifThenElse(notP, x, y), store.ifThenElse(p, y, x))
    expectSame(store.subtract(x, x), zero)
    expectSame(store.subtract(x, store.bits(1, width: 8)), store.add(x, store.bits(255, width: 8)))
    let five = store.bits(5, width: 8)
    let choice = store.ifThenElse(p, five, zero)
    expectSame(store.equal(choice, five), p)
    expectSame(store.equal(choice, zero), notP)
    expectSame(store.equal(choice, store.bits(6, width: 8)), no)
    let wide = store.extendUnsigned(x, to: 16)
    expectSame(store.lessUnsigned(wide, store.bits(256, width: 16)), yes)
    expectSame(store.lessSigned(wide, store.bits(0, width: 16)), no)
    expectSame(store.equal(wide, store.bits(300, width: 16)), no)
    expectSame(store.equal(wide, store.bits(5, width: 16)), store.equal(x, five))
    expectSame(store.extract(store.concatenate(x, y), lowest: 8, count: 8), x)
  }
}
