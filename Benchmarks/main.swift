/// Benchmarks: counts first, time second. `swift run -c release Benchmarks [--json]`; never part of a verdict.
///
/// The trace benchmark writes a trace of the recorded kernel's kind to a temporary file: the file named on the command line,
/// repeated with later times until it has a million events, or as many as a number behind the file says. `Benchmarks provers` compares provers: see `ProverCommand`.
import Foundation
import KernelTraces
import MMUEngine

let arguments = CommandLine.arguments.dropFirst().filter { !$0.hasPrefix("--") }
do {
  if arguments.first == "provers" {
    try ProverCommand.run(Array(CommandLine.arguments.dropFirst(2)))
    exit(0)
  }
  var measurements: [Measurement] = []
  if let path = arguments.first {
    measurements += try Workloads.replay(path, most: arguments.dropFirst().first.flatMap { Int($0) } ?? 0)
  }
  measurements.append(Workloads.terabyte())
  if CommandLine.arguments.contains("--json") {
    print(try Measurement.json(measurements))
  } else {
    for measurement in measurements { print(measurement.text) }
  }
} catch {
  print(error)
  exit(1)
}
