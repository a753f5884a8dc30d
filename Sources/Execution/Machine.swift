/// Whether a run may end before its code does.
package enum Stopping: Sendable {
  /// No: it takes as long as the code takes, which may be for ever.
  case never
  /// When the task that runs it is cancelled.
  case whenCancelled
}

/// Runs compiled code over memory: the state's words, behind them the locals'.
///
/// Single-threaded, owns its buffers. All pointers are constants of the object and copied into locals by `run`, so that
/// the loop touches no reference count, no exclusivity check and no bounds check. Why that is safe: `Compiler` emits only
/// registers below the activation's count and addresses inside the layout (dynamic indices are checked before use), and
/// `call` checks the room for registers and locals.
final class Machine {
  let instructions: UnsafeMutablePointer<Instruction>
  let memory: UnsafeMutablePointer<UInt64>
  let registers: UnsafeMutablePointer<Int>
  let covers: UnsafeMutablePointer<Int>
  let implications: UnsafeMutablePointer<Bool>
  /// Where the last failure happened: the instruction, and what its activation's registers begin at.
  let failed: UnsafeMutablePointer<Int>
  /// Backward steps (passes of loops, calls) until the next look at whether the task was cancelled. Code without them is bounded
  /// by its length, so nothing else need be counted.
  private let patience: UnsafeMutablePointer<Int>
  private let stopping: Stopping
  private let calls: UnsafeMutablePointer<Int>
  private let instructionCount: Int
  let stateWords: Int
  private let memoryWords: Int
  private let registerCount: Int

  /// Room for called functions' locals and registers, and how deep calls may nest.
  private static let stackWords = 1 << 18
  private static let stackRegisters = 1 << 16
  private static let callDepth = 1 << 10
  /// Backward steps between two looks: some ten microseconds.
  private static let pollInterval = 1 << 12
  /// Backward steps that a firing asked for by itself may take before the first look.
  private static let grace = 1 << 16

  init(code: Code, stateWords: Int, stopping: Stopping = .never) {
    self.stopping = stopping
    patience = .allocate(capacity: 1)
    patience.initialize(to: Self.pollInterval)
    let calling = code.instructions.contains { $0.operation == .call }
    instructionCount = code.instructions.count
    self.stateWords = stateWords
    memoryWords = stateWords + code.frameWords + (calling ? Self.stackWords : 0) + 1
    registerCount = code.registers + (calling ? Self.stackRegisters : 0) + 1
    instructions = .allocate(capacity: max(1, instructionCount))
    instructions.initialize(from: code.instructions, count: instructionCount)
    memory = .allocate(capacity: memoryWords)
    memory.initialize(repeating: 0, count: memoryWords)
    registers = .allocate(capacity: registerCount)
    registers.initialize(repeating: 0, count: registerCount)
    covers = .allocate(capacity: max(1, code.covers))
    covers.initialize(repeating: 0, count: max(1, code.covers))
    implications = .allocate(capacity: max(1, code.implications.count))
    implications.initialize(repeating: false, count: max(1, code.implications.count))
    failed = .allocate(capacity: 2)
    failed.initialize(repeating: 0, count: 2)
    calls = .allocate(capacity: 3 * Self.callDepth)
    calls.initialize(repeating: 0, count: 3 * Self.callDepth)
  }

  deinit {
    instructions.deallocate()
    memory.deallocate()
    registers.deallocate()
    covers.deallocate()
    implications.deallocate()
    failed.deallocate()
    patience.deallocate()
    calls.deallocate()
  }

  /// Runs from an instruction until the code finishes or fails. One loop, one case per operation: splitting it would cost a
  /// call per instruction.
  func run(from entry: Int) -> Outcome {
    let (code, memory, base, patience) = (instructions, memory, registers, patience)
    var r = base
    var frame = stateWords
    var depth = 0
    var pc = entry
    while true {
      let i = code + pc
      pc += 1
      switch i.pointee.operation {
      case .finish:
        return i.outcome
      case .fail:
        return fail(pc - 1, r)
      case .jump:
        pc = Int(i.pointee.c)
      case .jumpIfTrue:
        if r[i.a] != 0 { pc = Int(i.pointee.c) }
      case .jumpIfFalse:
        if r[i.a] == 0 { pc = Int(i.pointee.c) }
      case .jumpIfFieldEqual, .jumpIfFieldNotEqual:
        // Guards are chains of these, most of which end at once: no dispatch between them, nor for the end.
        var test = i
        while true {
          let field = memory[test.b] &>> UInt64(test.pointee.shift) & UInt64(bitPattern: Int64(test.pointee.j))
          let isEqual = field == UInt64(bitPattern: Int64(test.pointee.k))
          if !isEqual && field == 0 { return fail(test - code, r) }
          test = isEqual == (test.pointee.operation == .jumpIfFieldEqual) ? code + Int(test.pointee.c) : test + 1
          if test.pointee.operation == .finish { return test.outcome }
          if test.pointee.operation != .jumpIfFieldEqual && test.pointee.operation != .jumpIfFieldNotEqual { break }
        }
        pc = test - code
      case .jumpIfEqual:
        if r[i.a] == r[i.b] { pc = Int(i.pointee.c) }
      case .jumpIfNotEqual:
        if r[i.a] != r[i.b] { pc = Int(i.pointee.c) }
      case .jumpIfLess:
        if r[i.a] < r[i.b] { pc = Int(i.pointee.c) }
      case .jumpIfLessOrEqual:
        if r[i.a] <= r[i.b] { pc = Int(i.pointee.c) }
      case .jumpIfEqualConstant:
        if r[i.a] == i.pointee.k { pc = Int(i.pointee.c) }
      case .jumpIfNotEqualConstant:
        if r[i.a] != i.pointee.k { pc = Int(i.pointee.c) }
      case .jumpIfAtMostConstant:
        if r[i.a] <= i.pointee.k { pc = Int(i.pointee.c) }
      case .jumpIfAtLeastConstant:
        if r[i.a] >= i.pointee.k { pc = Int(i.pointee.c) }
      case .jumpIfUndefined:
        if memory.field(at: r[i.b] &+ i.pointee.j, width: i.width) == 0 { pc = Int(i.pointee.c) }
      case .jumpIfDefined:
        if memory.field(at: r[i.b] &+ i.pointee.j, width: i.width) != 0 { pc = Int(i.pointee.c) }
      case .jumpIfSameBits:
        if memory.same(r[i.a], r[i.b], count: i.pointee.k) { pc = Int(i.pointee.c) }
      case .jumpIfOtherBits:
        if !memory.same(r[i.a], r[i.b], count: i.pointee.k) { pc = Int(i.pointee.c) }
      case .constant:
        r[i.a] = i.pointee.k
      case .move:
        r[i.a] = r[i.b]
      case .loadField:
        let field = memory[i.b] &>> UInt64(i.pointee.shift) & UInt64(bitPattern: Int64(i.pointee.j))
        if field == 0 { return fail(pc - 1, r) }
        r[i.a] = Int(truncatingIfNeeded: field) &+ i.pointee.k
      case .load:
        let field = memory.field(at: r[i.b] &+ i.pointee.j, width: i.width)
        if field == 0 { return fail(pc - 1, r) }
        r[i.a] = Int(truncatingIfNeeded: field) &+ i.pointee.k
      case .storeField:
        let mask = UInt64(bitPattern: Int64(i.pointee.j)) &<< UInt64(i.pointee.shift)
        let bits = UInt64(bitPattern: Int64(r[i.a] &- i.pointee.k)) &<< UInt64(i.pointee.shift)
        memory[i.b] = memory[i.b] & ~mask | bits & mask
      case .store:
        let bits = UInt64(bitPattern: Int64(r[i.a] &- i.pointee.k))
        memory.setField(at: r[i.b] &+ i.pointee.j, width: i.width, to: bits)
      case .storeConstant:
        memory[i.b] =
          memory[i.b] & ~UInt64(bitPattern: Int64(i.pointee.k)) | UInt64(bitPattern: Int64(i.pointee.j))
      case .storeEncoded:
        let bits = UInt64(bitPattern: Int64(i.pointee.k))
        memory.setField(at: r[i.b] &+ i.pointee.j, width: i.width, to: bits)
      case .zeroBits:
        memory.zero(at: r[i.b] &+ i.pointee.j, count: i.pointee.k)
      case .copyBits:
        memory.copy(to: r[i.a], from: r[i.b], count: i.pointee.k)
      case .checkRange:
        if r[i.a] < i.pointee.j || r[i.a] > i.pointee.k { return fail(pc - 1, r) }
      case .address:
        r[i.a] = r[Int(i.pointee.c)] &+ r[i.b] &* i.pointee.k &+ i.pointee.j
      case .add:
        r[i.a] = r[i.b] &+ r[Int(i.pointee.c)]
      case .subtract:
        r[i.a] = r[i.b] &- r[Int(i.pointee.c)]
      case .multiply:
        r[i.a] = r[i.b] &* r[Int(i.pointee.c)]
      case .divide:
        if r[Int(i.pointee.c)] == 0 { return fail(pc - 1, r) }
        r[i.a] = r[i.b] / r[Int(i.pointee.c)]
      case .remainder:
        if r[Int(i.pointee.c)] == 0 { return fail(pc - 1, r) }
        r[i.a] = r[i.b] % r[Int(i.pointee.c)]
      case .bitAnd:
        r[i.a] = r[i.b] & r[Int(i.pointee.c)]
      case .bitOr:
        r[i.a] = r[i.b] | r[Int(i.pointee.c)]
      case .bitXor:
        r[i.a] = r[i.b] ^ r[Int(i.pointee.c)]
      case .shiftLeft:
        r[i.a] = shifted(r[i.b], by: r[Int(i.pointee.c)])
      case .shiftRight:
        r[i.a] = shifted(r[i.b], by: 0 &- r[Int(i.pointee.c)])
      case .addConstant:
        r[i.a] = r[i.b] &+ i.pointee.k
      case .negate:
        r[i.a] = 0 &- r[i.b]
      case .complement:
        r[i.a] = ~r[i.b]
      case .defaultStep:
        r[i.a] = r[Int(i.pointee.c)] >= r[i.b] ? 1 : -1
      case .checkStep:
        if r[i.a] == 0 { return fail(pc - 1, r) }
      case .checkDirection:
        let (low, high) = (r[i.a], r[i.b])
        if low != high && (high > low) != (r[Int(i.pointee.c)] > 0) { return fail(pc - 1, r) }
      case .advance:
        let step = r[i.pointee.k]
        let (next, overflow) = r[i.a].addingReportingOverflow(step)
        if !overflow && (step > 0 ? next <= r[i.b] : next >= r[i.b]) {
          patience.pointee &-= 1
          if patience.pointee < 0 && isStopped() { return .stopped }
          r[i.a] = next
          pc = Int(i.pointee.c)
        }
      case .advanceConstant:
        if r[i.a] != i.pointee.j {
          patience.pointee &-= 1
          if patience.pointee < 0 && isStopped() { return .stopped }
          r[i.a] &+= i.pointee.k
          pc = Int(i.pointee.c)
        }
      case .countPass:
        patience.pointee &-= 1
        if patience.pointee < 0 && isStopped() { return .stopped }
        r[i.a] &+= 1
        if r[i.a] > i.pointee.k { return fail(pc - 1, r) }
      case .call:
        patience.pointee &-= 1
        if patience.pointee < 0 && isStopped() { return .stopped }
        let (window, words) = (r + Int(i.pointee.a), frame + Int(i.pointee.b))
        let room = window - base + i.pointee.k < registerCount && words + i.pointee.j < memoryWords
        if !room || depth == Self.callDepth { return fail(pc - 1, r) }
        (calls[3 * depth], calls[3 * depth + 1], calls[3 * depth + 2]) = (pc, r - base, frame)
        depth += 1
        r = window
        r[0] = 0
        frame = words
        pc = Int(i.pointee.c)
      case .callReturn:
        depth -= 1
        pc = calls[3 * depth]
        r = base + calls[3 * depth + 1]
        frame = calls[3 * depth + 2]
      case .frameAddress:
        r[i.a] = frame * 64
      case .markImplication:
        implications[i.a] = true
      case .countCover:
        covers[i.a] &+= 1
      }
    }
  }

  /// Whether the run is to end here; if not, patience is renewed.
  private func isStopped() -> Bool {
    patience.pointee = Self.pollInterval
    switch stopping {
    case .never: return false
    case .whenCancelled: return Task.isCancelled
    }
  }

  /// Lets the next run go on for a while even in a cancelled task, as long as its code takes no great time.
  func renewPatience() { patience.pointee = Self.grace }

  /// Notes where a run failed.
  private func fail(_ instruction: Int, _ activation: UnsafeMutablePointer<Int>) -> Outcome {
    failed[0] = instruction
    failed[1] = activation - registers
    return .failure
  }
}

extension UnsafeMutablePointer<Instruction> {
  /// Operands as indices.
  @inline(__always) fileprivate var a: Int { Int(pointee.a) }
  @inline(__always) fileprivate var b: Int { Int(pointee.b) }
  @inline(__always) fileprivate var width: Int { Int(pointee.width) }
  /// What a `finish` says.
  @inline(__always) fileprivate var outcome: Outcome {
    pointee.k == 0 ? .success : pointee.k == 1 ? .negative : .dropped
  }
}

extension UnsafeMutablePointer<UInt64> {
  /// The bits of a field that may straddle two words.
  @inline(__always) fileprivate func field(at bit: Int, width: Int) -> UInt64 {
    let (word, shift) = (bit &>> 6, UInt64(truncatingIfNeeded: bit) & 63)
    var bits = self[word] &>> shift
    if Int(shift) &+ width > 64 { bits |= self[word &+ 1] &<< (64 &- shift) }
    return bits & (UInt64.max &>> UInt64(64 &- width))
  }

  /// Replaces a field that may straddle two words.
  @inline(__always) fileprivate func setField(at bit: Int, width: Int, to value: UInt64) {
    let (word, shift) = (bit &>> 6, UInt64(truncatingIfNeeded: bit) & 63)
    let mask = UInt64.max &>> UInt64(64 &- width)
    let bits = value & mask
    self[word] = self[word] & ~(mask &<< shift) | bits &<< shift
    guard Int(shift) &+ width > 64 else { return }
    self[word &+ 1] = self[word &+ 1] & ~(mask &>> (64 &- shift)) | bits &>> (64 &- shift)
  }

  /// Copies bits between places that do not overlap, or are the same.
  fileprivate func copy(to target: Int, from source: Int, count: Int) {
    var done = 0
    while done < count {
      let part = Swift.min(64, count - done)
      setField(at: target + done, width: part, to: field(at: source + done, width: part))
      done += part
    }
  }

  /// Whether two places hold the same bits.
  fileprivate func same(_ first: Int, _ second: Int, count: Int) -> Bool {
    var done = 0
    while done < count {
      let part = Swift.min(64, count - done)
      if field(at: first + done, width: part) != field(at: second + done, width: part) { return false }
      done += part
    }
    return true
  }

  /// Clears bits.
  fileprivate func zero(at bit: Int, count: Int) {
    var done = 0
    while done < count {
      let part = Swift.min(64, count - done)
      setField(at: bit + done, width: part, to: 0)
      done += part
    }
  }
}
