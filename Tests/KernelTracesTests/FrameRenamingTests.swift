import MMUEngine
import Testing

@testable import KernelTraces

@Suite("Hashed pointers")
struct FrameRenamingTests {
  /// Many entries, each with a pointer of its own.
  private static func renaming(of count: UInt64, from pointer: UInt64 = 1) -> FrameRenaming {
    var frames = FrameRenaming()
    for index in 0..<count {
      #expect(frames.pair(pointer: pointer + index, address: index << 3) == .same)
    }
    return frames
  }

  private static let other: UInt64 = 1 << 40

  @Test("of five thousand entries two may have the same, once")
  func collision() {
    var frames = Self.renaming(of: 5000)
    #expect(frames.pair(pointer: 1, address: Self.other) == .collision)
    #expect(frames.pair(pointer: 1, address: Self.other) == .same)
    #expect(frames.pair(pointer: 1, address: 0) == .same)
    #expect(frames.pair(pointer: 2, address: Self.other) == .different)
    #expect(frames.pair(pointer: 2, address: Self.other + 8) == .different)
  }

  @Test("of four thousand none, and of pointers that are longer than a hash none")
  func noCollision() {
    var few = Self.renaming(of: 4000)
    #expect(few.pair(pointer: 1, address: Self.other) == .different)
    var long = Self.renaming(of: 5000, from: 1 << 32)
    #expect(long.pair(pointer: 1 << 32, address: Self.other) == .different)
  }

  @Test("an entry keeps its pointer")
  func changed() {
    var frames = Self.renaming(of: 5000)
    #expect(frames.pair(pointer: 6000, address: 8) == .different)
    #expect(frames.pair(pointer: 2, address: 8) == .same)
  }

  @Test("what was paired, bound and released in a try is taken back")
  func takenBack() {
    var frames = Self.renaming(of: 5000)
    frames.bind(TableID(1), 0)
    frames.bind(TableID(2), 1 << 28)
    frames.begin()
    #expect(frames.pair(pointer: 1, address: Self.other) == .collision)
    #expect(frames.pair(pointer: 7000, address: Self.other + 8) == .same)
    frames.bind(TableID(3), 7)
    frames.release(TableID(2))
    #expect(frames.table(at: 1 << 28) == nil)
    frames.takeBack()
    frames.end()
    #expect(frames.table(at: 1 << 28) == TableID(2))
    #expect(frames.frame(of: TableID(2)) == 1 << 28)
    #expect(frames.table(at: 7) == nil)
    #expect(frames.frame(of: TableID(3)) == nil)
    #expect(frames.pair(pointer: 2, address: Self.other) == .collision)
    #expect(frames.pair(pointer: 7000, address: Self.other + 16) == .same)
  }

  @Test("a released table's entries give their pointers free")
  func released() {
    var frames = FrameRenaming()
    frames.bind(TableID(1), 5)
    #expect(frames.pair(pointer: 9, address: 5 << 12 | 16) == .same)
    #expect(frames.pair(pointer: 9, address: 6 << 12) == .different)
    frames.release(TableID(1))
    #expect(frames.pair(pointer: 9, address: 6 << 12) == .same)
  }
}
