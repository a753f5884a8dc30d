/// How a kernel deviates from the right one: a set of named deviations. The empty set is the unmodified kernel.
package struct KernelPolicy: Sendable, Hashable {
  /// A single way to be wrong, or a check of the module that is left out. Names are those that variants use.
  package enum Deviation: String, Sendable, Hashable, CaseIterable {
    /// A zap goes from RANGE.BLOCK straight to the kick and PAGE.REMOVE; MEM.TRACK is never called.
    case noTrack = "no-track"

    /// What it changes, in a line, for `kvmcheck engine`.
    package var summary: String {
      switch self {
      case .noTrack: "a zap never calls MEM.TRACK between RANGE.BLOCK and the kick"
      }
    }
  }

  package let deviations: Set<Deviation>

  package init(_ deviations: Set<Deviation> = []) {
    self.deviations = deviations
  }

  /// The unmodified kernel on an unmodified module.
  package static let right = KernelPolicy()

  /// Reads `right`, a deviation's name, or several joined by `+`; nil if a name is unknown.
  package init?(named text: String) {
    if text == "right" {
      self.init()
      return
    }
    var found: Set<Deviation> = []
    for name in text.split(separator: "+", omittingEmptySubsequences: false) {
      guard let deviation = Deviation(rawValue: String(name)) else { return nil }
      found.insert(deviation)
    }
    self.init(found)
  }

  /// Whether the kernel (or the module) deviates in this way.
  package func has(_ deviation: Deviation) -> Bool { deviations.contains(deviation) }
}
