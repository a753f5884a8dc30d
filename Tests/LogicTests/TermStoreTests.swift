import Logic
import TestSupport
import Testing

/// What a term is: kept once, sorted, in an order that nothing but the building decides.
@Suite struct TermStoreTests {
  @Test func equalTermsAreEqualNumbers() {
    var store = TermStore()
    let x = store.variable("x", .bitVector(width: 8))
    let y = store.variable("y", .bitVector(width: 8))
    expectSame(store.add(x, y), store.add(y, x))
    #expect(store.subtract(x, y) != store.subtract(y, x))
    expectSame(store.variable("x", .bitVector(width: 8)), x)
    let count = store.count
    _ = store.add(x, y)
    #expect(store.count == count)
  }

  @Test func copiesGrowApart() {
    var first = TermStore()
    let x = first.variable("x", .boolean)
    var second = first
    let inFirst = first.not(x)
    let inSecond = second.variable("y", .boolean)
    #expect(inFirst == inSecond)
    #expect(first.name(inFirst) == nil)
    #expect(second.name(inSecond) == "y")
  }

  @Test(arguments: [1, 7, 64, 127, 128])
  func everyWidthHasItsSort(width: Int) {
    var store = TermStore()
    let x = store.variable("x", .bitVector(width: width))
    expectSame(store.sort(of: x), .bitVector(width: width))
    let derived = store.multiply(x, x)
    #expect(store.sort(of: derived) == .bitVector(width: width))
    let compared = store.lessSigned(x, store.bits(1, width: width))
    #expect(store.sort(of: compared) == .boolean)
    let all = store.bits(BitPattern.mask(width), width: width)
    expectSame(store.constant(all), .bits(BitPattern.mask(width), width: width))
    expectSame(store.constant(all)?.signed, -1)
  }

  @Test func integersAreTwosComplement() {
    var store = TermStore()
    expectSame(store.integer(-1, width: 3), store.bits(7, width: 3))
    expectSame(store.integer(7, width: 3), store.bits(7, width: 3))
    expectSame(store.integer(.min, width: 64), store.bits(1 << 63, width: 64))
    let negative = store.integer(-5, width: 128)
    #expect(store.constant(negative)?.signed == -5)
  }

  @Test func growingKeepsEveryTerm() {
    var store = TermStore()
    let terms = (0..<5_000).map { store.bits(UInt128($0), width: 20) }
    for (number, term) in terms.enumerated() {
      expectSame(store.bits(UInt128(number), width: 20), term)
    }
    #expect(store.count == 5_000)
  }

  @Test func wrongSortsStopTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      let x = store.variable("x", .bitVector(width: 8))
      _ = store.not(x)
    }
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      let x = store.variable("x", .bitVector(width: 8))
      let y = store.variable("y", .bitVector(width: 9))
      _ = store.add(x, y)
    }
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      let x = store.variable("x", .bitVector(width: 8))
      let p = store.variable("p", .boolean)
      _ = store.ifThenElse(p, x, p)
    }
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      _ = store.bits(256, width: 8)
    }
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      _ = store.variable("x", .bitVector(width: 129))
    }
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      let x = store.variable("x", .bitVector(width: 8))
      _ = store.extract(x, lowest: 4, count: 5)
    }
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      _ = store.variable("x", .boolean)
      _ = store.variable("x", .bitVector(width: 1))
    }
  }
}
