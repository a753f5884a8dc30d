import Foundation

/// One workload's result: what was counted, then how long it took here.
struct Measurement: Codable {
  let name: String
  /// Counts that do not depend on the machine.
  let counts: [String: Int]
  /// Processor seconds on the machine at hand.
  let seconds: Double
  /// Most resident memory up to its end. Unit: MiB.
  let residentMiB: Int

  var text: String {
    let listed = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    return "\(name): \(listed); \(String(format: "%.2f", seconds)) s of CPU, \(residentMiB) MiB at most"
  }

  static func json(_ measurements: [Measurement]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(measurements), as: UTF8.self)
  }

  /// Runs a workload and measures it.
  static func of(_ name: String, _ body: () throws -> [String: Int]) rethrows -> Measurement {
    let start = usage
    let counts = try body()
    let end = usage
    let seconds = end.seconds - start.seconds
    return Measurement(name: name, counts: counts, seconds: seconds, residentMiB: end.residentMiB)
  }

  /// Processor time of this process, and the most memory that it had so far.
  private static var usage: (seconds: Double, residentMiB: Int) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss >> 10)
  }
}
