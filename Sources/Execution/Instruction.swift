/// What an instruction does. `r` are the registers of the current activation, raw integers, always defined; `memory` is
/// the state's words followed by the locals'. Register 0 is always 0.
///
/// A *static field* lies in one word that is known when the program is compiled; any other place has a bit address
/// `r[b] + j`. Operations that can fail have a `FailureSite`.
enum Operation: UInt8 {
  /// The run ends; `k` is the raw value of an `Outcome`.
  case finish
  /// Fails here, always.
  case fail
  case jump
  /// To `c` if r[a] is not 0 / is 0.
  case jumpIfTrue, jumpIfFalse
  /// To `c` if the static field is / is not `k`, encoded; fails if it is undefined.
  case jumpIfFieldEqual, jumpIfFieldNotEqual
  /// To `c` by comparing r[a] with r[b].
  case jumpIfEqual, jumpIfNotEqual, jumpIfLess, jumpIfLessOrEqual
  /// To `c` by comparing r[a] with `k`.
  case jumpIfEqualConstant, jumpIfNotEqualConstant, jumpIfAtMostConstant, jumpIfAtLeastConstant
  /// To `c` if the `width` bits at the address are / are not all zero.
  case jumpIfUndefined, jumpIfDefined
  /// To `c` if `k` bits at address r[a] equal / do not equal those at r[b].
  case jumpIfSameBits, jumpIfOtherBits
  /// r[a] := k
  case constant
  /// r[a] := r[b]
  case move
  /// r[a] := the static field (word b) decoded with offset `k`; fails if undefined.
  case loadField
  /// r[a] := the field of `width` bits at the address, decoded with offset `k`; fails if undefined.
  case load
  /// The static field (word b) := r[a] encoded with offset `k`.
  case storeField
  /// The field at the address := r[a] encoded with offset `k`.
  case store
  /// Word b: the bits of mask `k` := `j`.
  case storeConstant
  /// The field at the address := `k`, encoded.
  case storeEncoded
  /// `k` bits at the address := 0.
  case zeroBits
  /// `k` bits at address r[a] := those at address r[b].
  case copyBits
  /// Fails unless j ≤ r[a] ≤ k.
  case checkRange
  /// r[a] := r[c] + r[b]·k + j
  case address
  /// r[a] := r[b] op r[c]; division and remainder fail on zero.
  case add, subtract, multiply, divide, remainder, bitAnd, bitOr, bitXor, shiftLeft, shiftRight
  /// r[a] := r[b] + k
  case addConstant
  /// r[a] := −r[b], −r[b] − 1
  case negate, complement
  /// r[a] := 1 if r[c] ≥ r[b], else −1: the step of a loop from b to c that names none.
  case defaultStep
  /// Fails if r[a] is 0.
  case checkStep
  /// Fails if the loop from r[a] to r[b] by r[c] starts in the wrong direction.
  case checkDirection
  /// r[a] += r[k]; to `c` unless that is beyond r[b] in the direction of the step.
  case advance
  /// Unless r[a] = j: r[a] += k and to `c`.
  case advanceConstant
  /// r[a] += 1; fails if that exceeds k.
  case countPass
  /// Calls the function at `c`; its registers begin at r[a], its locals after b words. Fails if nested too deeply.
  case call
  /// Back to the caller.
  case callReturn
  /// r[a] := the bit address of the current activation's locals.
  case frameAddress
  /// The left side `a` of an implication was true.
  case markImplication
  /// Cover `a` was hit.
  case countCover
}

/// One step of a compiled program. 32 bytes.
struct Instruction {
  var operation: Operation
  /// Of a static field: its first bit in the word.
  var shift: UInt8 = 0
  /// Of a field: its bits.
  var width: UInt8 = 0
  var a: Int32 = 0
  var b: Int32 = 0
  var c: Int32 = 0
  var k: Int = 0
  /// Of a static field: the mask at bit 0.
  var j: Int = 0
}

/// How a run ended.
package enum Outcome: Int, Sendable {
  /// A rule fired, a property holds, an expression was evaluated.
  case success = 0
  /// The guard is false, the property does not hold.
  case negative = 1
  /// An `assume` statement was false: the firing never happened.
  case dropped = 2
  /// A run-time error.
  case failure = 3
  /// The task was cancelled before the run ended: nothing is known. Only where `Stopping` allows it.
  case stopped = 4
}
