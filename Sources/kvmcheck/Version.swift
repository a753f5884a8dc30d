import SMT

/// What `--version` prints: the tool, Z3 and Swift.
enum Version {
  /// The tool's own version.
  static let number = "0.1.0"

  static var text: String { "kvmcheck \(number), \(SMTSession.solverVersion), Swift \(swift)" }

  /// The language version that the tool was compiled as.
  private static var swift: String {
    #if swift(>=6.4)
      "6.4 or later"
    #elseif swift(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }
}
