import Elaboration
import Foundation
import TestSupport
import Testing

/// Random protocols over three scalarsets: PDR, k-induction, BMC, explicit search and rumur never disagree, and every proof is checked.
///
/// `KVMCHECK_PROTOCOLS` and `KVMCHECK_PROTOCOL_SEED` set how many and from which seed on; a single one is printed.
@Suite("Random protocols")
struct RandomProtocolTests {
  private static func number(_ name: String, or standard: UInt64) -> UInt64 {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
  }

  /// How many go into one compile of rumur's verifier.
  private static let batch = 25

  @Test("engines agree, proofs last, larger sizes obey proofs for every size")
  func agree() async throws {
    let first = Self.number("KVMCHECK_PROTOCOL_SEED", or: 1)
    let count = Self.number("KVMCHECK_PROTOCOLS", or: 50)
    var figures = ProtocolAgreement.Figures()
    var batch: [ProtocolAgreement] = []
    for seed in first..<first + count {
      let agreement = try await ProtocolAgreement(
        seed: seed, largest: count > 50 ? ProtocolAgreement.states.upperBound : ProtocolAgreement.statesInCI)
      if count == 1 { print(agreement.text) }
      let form = RulesetForm.allCases[Int(seed % UInt64(RulesetForm.allCases.count))]
      do { figures += try await agreement.compare(form) } catch {
        Issue.record("seed \(seed): \(error)\n\(agreement.text)")
      }
      batch.append(agreement)
      if batch.count < Self.batch && seed + 1 < first + count { continue }
      do { try ProtocolAgreement.compareRumur(batch, optimisation: count > 100 ? 1 : 0) } catch {
        Issue.record("\(error)")
      }
      batch = []
      if count > 100 { print("seed \(seed): \(figures.text)") }
    }
    print(figures.text)
    #expect(figures.violated * 5 >= figures.properties, "a good share is violated: \(figures.text)")
    #expect(figures.beyondInduction * 10 >= figures.proved, "a good share needs PDR: \(figures.text)")
    #expect(figures.notConcluded * 20 <= figures.properties, "PDR concludes: \(figures.text)")
  }
}
