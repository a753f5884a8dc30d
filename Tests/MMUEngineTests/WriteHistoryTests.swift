import Testing

@testable import MMUEngine

@Suite("Writes of entries taken back and looked behind")
struct WriteHistoryTests {
  private static func page(_ level: Level, gfn: UInt64 = 0) -> TablePage {
    TablePage(
      role: RootRole(level: .page512G), level: level, gfn: GFN(gfn), parent: SPTELocation(.none, 0), life: .linked)
  }

  private static func value(_ raw: UInt64) -> SPTE { SPTE(rawValue: raw) }

  @Test("a memory goes back to what it was: entries, a table that was made, one that was freed and used again")
  func takenBack() {
    var memory = TableMemory()
    memory.keepHistory()
    let first = memory.allocate(Self.page(.page4K))
    let freed = memory.allocate(Self.page(.page4K))
    memory[SPTELocation(first, 3)] = Self.value(0x1827)
    memory[SPTELocation(freed, 511)] = Self.value(0x2827)
    let position = memory.position
    var saved = memory
    _ = saved.detachContents()

    memory[SPTELocation(first, 3)] = Self.value(0x3827)
    memory[SPTELocation(first, 3)] = Self.value(0x4827)
    memory.release(freed)
    #expect(memory.allocate(Self.page(.page2M)) == freed)
    memory[SPTELocation(freed, 0)] = Self.value(0x5827)
    let made = memory.allocate(Self.page(.page2M))
    memory[SPTELocation(made, 0)] = Self.value(0x6827)
    #expect(memory.count == 3)

    let contents = memory.detachContents()
    memory = saved
    memory.attach(contents, asOf: position)
    #expect(memory.position == position)
    #expect(memory.count == 2)
    #expect(memory[SPTELocation(first, 3)] == Self.value(0x1827))
    #expect(memory[SPTELocation(freed, 511)] == Self.value(0x2827))
    #expect(memory[SPTELocation(freed, 0)] == .nonpresent)
    #expect(memory.allocate(Self.page(.page2M)) == made)
    #expect(memory[SPTELocation(made, 0)] == .nonpresent)
  }

  @Test("a frame's entries as they were, of tables that are still there")
  func lookedBehind() {
    var memory = TableMemory()
    memory.keepHistory()
    let near = memory.allocate(Self.page(.page4K, gfn: 0x200))
    let far = memory.allocate(Self.page(.page4K, gfn: 0x400))
    let position = memory.position
    let entry = SPTELocation(near, 5)
    memory[entry] = Self.value(0x1827)
    memory[SPTELocation(far, 5)] = Self.value(0x2827)
    memory[SPTELocation(near, 6)] = Self.value(0x3827)
    memory[entry] = Self.value(0x4827)

    let writes = memory.pastWrites(since: position, of: GFN(0x205))
    #expect(writes.map(\.location) == [entry, entry])
    let later = memory.lookBack(behind: writes.prefix(1))
    #expect(memory[entry] == Self.value(0x1827))
    memory.lookForward(later)
    #expect(memory[entry] == Self.value(0x4827))
    let all = memory.lookBack(behind: writes)
    #expect(memory[entry] == .nonpresent)
    memory.lookForward(all)
    #expect(memory[entry] == Self.value(0x4827))

    #expect(memory.pastWrites(since: memory.position, of: GFN(0x205)) == [])
    memory.release(near)
    #expect(memory.pastWrites(since: position, of: GFN(0x205)) == [])
  }

  @Test("without a history nothing is kept")
  func withoutHistory() {
    var memory = TableMemory()
    let table = memory.allocate(Self.page(.page4K))
    memory[SPTELocation(table, 0)] = Self.value(0x1827)
    #expect(memory.position == 0)
    #expect(memory.pastWrites(since: 0, of: GFN(0)) == [])
  }

  @Test("the oldest writes are forgotten")
  func trimmed() {
    var memory = TableMemory()
    memory.keepHistory()
    let table = memory.allocate(Self.page(.page4K))
    for index in 0..<10000 { memory[SPTELocation(table, 0)] = Self.value(UInt64(index)) }
    let position = memory.position
    memory.trimHistory()
    #expect(memory.position == position)
    let writes = memory.pastWrites(since: 0, of: GFN(0))
    #expect(writes.count == 4096)
    let later = memory.lookBack(behind: writes)
    #expect(memory[SPTELocation(table, 0)] == Self.value(10000 - 4097))
    memory.lookForward(later)
  }
}
