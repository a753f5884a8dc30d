import ArgumentParser

/// The exit codes of the tool: one meaning each, the same in every command.
extension ExitCode {
  /// A property is violated.
  static let violated = ExitCode(10)
  /// A reachable state that nothing leaves.
  static let deadlocked = ExitCode(11)
  /// Nothing was really checked.
  static let vacuous = ExitCode(12)
  /// No violation up to a depth; nothing is said beyond.
  static let bounded = ExitCode(20)
  /// The solver gave up.
  static let unknown = ExitCode(21)
  /// Time, memory, states or an enumeration ran out, or the user interrupted.
  static let limit = ExitCode(30)
  /// The model does not parse or type-check, or cannot be read.
  static let rejected = ExitCode(40)
  /// Two engines disagree, a trace does not re-execute, a certificate or a replay fails.
  static let contradiction = ExitCode(50)
  /// The command line makes no sense.
  static let usage = ExitCode(64)
  /// Our own bug, or results that could not be written where they were to go.
  static let internalError = ExitCode(70)
}
