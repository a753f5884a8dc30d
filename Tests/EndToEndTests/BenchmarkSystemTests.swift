import Foundation
import TestSupport
import Testing

/// The systems that provers are measured on: what they are said to show is so.
@Suite("Systems of the benchmarks")
struct BenchmarkSystemTests {
  /// The file, and small sizes.
  static let systems = [
    (name: "page-owners", sizes: ["GUESTS=1", "FRAMES=2", "PAGES=2", "VCPUS=1"]),
    (name: "epochs", sizes: ["ENTRIES=2", "VCPUS=2", "EPOCHS=3"]),
  ]

  @Test("PDR proves everything for every size; rumur counts the same states", arguments: systems.indices)
  func proved(_ index: Int) throws {
    let system = Self.systems[index]
    let path = CommandLineTool.root.appending(path: "Benchmarks/Systems/\(system.name).m").path
    let sizes = system.sizes.flatMap { ["--const", $0] }
    let proof = try CommandLineTool.run(
      ["prove", "invariants", path, "--engine", "pdr", "--deadlock", "off", "--quiet"] + sizes)
    #expect(proof.status == 0)
    #expect(proof.output.contains("2 results: 2 proved-any-size"))
    let text = try CommandLineTool.run(["export", path, "--to", "murphi"] + sizes).output
    let rumur = try RumurRunner(options: ["--deadlock-detection=off"]).check(text)
    let explored = try CommandLineTool.run(["explore", path, "--deadlock", "off"] + sizes)
    let states = rumur.states.formatted(.number.locale(Locale(identifier: "en_US")))
    #expect(explored.output.contains("  \(states) states"))
  }
}
