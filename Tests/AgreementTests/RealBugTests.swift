import Murphi
import Testing

/// The real bugs that models carry, each behind a constant of its own.
@Suite("Real bugs")
struct RealBugTests {
  /// A bug of the corpus.
  struct Bug: CustomStringConvertible, Sendable {
    let id: String
    let model: String
    let constant: String
    /// The value that puts the bug in.
    let on: String
    /// The fix.
    let commit: String
    /// Which kernels have it.
    let kernels: String

    var description: String { id }

    /// Its line in the README.
    var row: String { "| \(id) | \(kernels) | \(commit) | \(model), `\(constant)=\(on)` |" }
  }

  static let bugs = [
    Bug(
      id: "GMEM-TOGGLE", model: "gmem-toggle", constant: "ALLOW_TOGGLE", on: "true", commit: "9935df5333aa",
      kernels: "in 6.16, fixed in 6.19"),
    Bug(
      id: "TDX-INITVCPU-TDR", model: "tdx-locks", constant: "INIT_VCPU_GUARDED", on: "false", commit: "94428e3ba325",
      kernels: "in 6.16, fixed in 6.19"),
    Bug(
      id: "TDX-LOCKS", model: "tdx-locks", constant: "STATE_GUARD", on: "false", commit: "15945e9ec195",
      kernels: "in 6.16, fixed in 6.19"),
    Bug(
      id: "TDX-ZAP-BUSY", model: "sept-teardown", constant: "BUSY_KICK", on: "false",
      commit: "in the 6.16 merge", kernels: "fixed before 6.16"),
  ]

  @Test("the table has every bug that a variant names")
  func complete() throws {
    let named = try ShippedModel.names.flatMap { try ShippedModel($0).plain.directives.variants.flatMap(\.bugs) }
    #expect(Set(named) == Set(Self.bugs.map(\.id)))
  }

  @Test("off as the file stands; on, and violated by an event, in every variant that names it", arguments: bugs)
  func constant(_ bug: Bug) throws {
    let shipped = try ShippedModel(bug.model)
    let plain = try #require(shipped.plain.constants.first { $0.name == bug.constant })
    #expect(plain.text != bug.on)
    let variants = shipped.plain.directives.variants.filter { $0.bugs.contains(bug.id) }
    #expect(!variants.isEmpty)
    for variant in variants {
      let value = try shipped.model(variant).constants.first { $0.name == bug.constant }?.text
      #expect(value == bug.on, "\(variant.name)")
      #expect(variant.engineNames.contains { $0.kind == .event }, "\(variant.name)")
      for outcome in variant.outcomes {
        if case .violates(_, nil) = outcome { Issue.record("\(variant.name): a violation without an event") }
      }
    }
  }

  /// The two forms of the kernel that the models know, without their bugs: `holds` alone.
  @Test("off in both forms")
  func forms() throws {
    for name in ShippedModel.names {
      let shipped = try ShippedModel(name)
      for variant in shipped.plain.directives.variants where variant.name.hasPrefix("form-") {
        let constants = try shipped.model(variant).constants
        #expect(variant.outcomes == [.holds(property: nil)])
        for bug in Self.bugs where bug.model == name {
          #expect(constants.first { $0.name == bug.constant }?.text != bug.on, "\(variant.name)")
        }
      }
    }
  }

  /// Linux 6.16 had both at once: the scope is its locks, and everything that the two fixes keep falls.
  @Test("6.16's locks together")
  func kernel616() throws {
    let locks = try ShippedModel("tdx-locks")
    let variant = try #require(locks.variant("kernel-6-16"))
    #expect(variant.scope == "kvm-6-16" && variant.settings.isEmpty)
    #expect(variant.policy == "kvm-6-16+kvm-6-16-locks+init-vcpu-own-mutex")
    let falls = variant.outcomes.compactMap { if case .violates(let name, _) = $0 { name } else { nil } }
    #expect(
      falls == [
        "KVM_BUG_ON is never reached", "at most one state-transition SEAMCALL is in flight",
        "the TD's state does not change while a vCPU is being created",
      ])
  }
}
