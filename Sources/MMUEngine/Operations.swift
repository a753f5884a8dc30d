/// The table of named operations and observables: the engine's whole surface towards models, traces and the command line.
///
/// A Murphi rule names an operation (`TDH.MEM.RANGE.BLOCK gfn=…`); a model's head names observables. Nothing else of the
/// engine is visible to a model, so a model written tomorrow replays without a line of Swift.

/// An argument of an operation, an index of an observable, or an observed value.
package enum Argument: Sendable, Hashable, CustomStringConvertible {
  /// A number: gfn, pfn, vcpu, slot, level…
  case integer(Int)
  /// A truth value.
  case boolean(Bool)
  /// A named case, spelt as the engine's enumeration spells it.
  case symbol(String)

  package var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .boolean(let value): "\(value)"
    case .symbol(let name): name
    }
  }
}

/// What kind of thing a parameter, an index or an observation is.
package enum ArgumentKind: Sendable, Hashable {
  /// A number; the text says of what (`gfn`, `vcpu`, `bytes`).
  case integer(of: String)
  /// A truth value.
  case boolean
  /// One of these names.
  case symbol([String])
}

/// A named parameter of an operation.
package struct Parameter: Sendable, Hashable {
  package let name: String
  package let kind: ArgumentKind
  /// Whether it may be left out; the operation's summary says what then holds.
  package let isOptional: Bool

  package init(_ name: String, _ kind: ArgumentKind, isOptional: Bool = false) {
    self.name = name
    self.kind = kind
    self.isOptional = isOptional
  }
}

/// A check of the engine itself that fired during an operation: damage, or an assertion of the kernel.
package struct EngineCheck: Sendable, Hashable {
  /// The name by which variants refer to it: `KVM_BUG_ON`, `use-after-free`, …
  package let name: String
  /// What happened, where, and to which object; one line.
  package let detail: String

  package init(_ name: String, _ detail: String) {
    self.name = name
    self.detail = detail
  }

  /// Every check that can fire, with what it means, in the order in which `kvmcheck engine` lists them.
  package static let all: [EngineCheck] =
    VirtualMachineHost.checks + Machine.secureEPTChecks + GuestMemfdHost.checks + TDIoctlHost.checks
    + KernelAssertion.allCases.map { $0.check("an assertion of the TDP MMU or of its callers") }
    + MMUDamage.allCases.filter { $0 != .freedTableUsed && $0 != .staleTranslation }.map { $0.check($0.summary) }
    + ReverseMapDamage.allCases.map { $0.check($0.summary) }
}

/// What an operation did.
package struct Outcome: Sendable, Hashable {
  /// The status as the kernel spells it: `SUCCESS`, `-EINVAL`, `TDX_OPERAND_BUSY`, …
  package let status: String
  /// Engine checks that fired, in order; empty when nothing was damaged.
  package let checks: [EngineCheck]

  package init(_ status: String = "SUCCESS", checks: [EngineCheck] = []) {
    self.status = status
    self.checks = checks
  }
}

/// Why an operation could not even be asked for: the caller's mistake, not a refusal of the machine.
package enum OperationError: Error, Sendable, Hashable {
  case unknownOperation(String)
  /// The call exists and the engine does not model it.
  case notModelled(UnmodelledSEAMCall)
  case unknownObservable(String)
  case missingArgument(operation: String, parameter: String)
  case unexpectedArgument(operation: String, parameter: String)
  case wrongKind(operation: String, parameter: String, expected: ArgumentKind, found: Argument)
  case noSuchObject(String)
}

/// One row of the table of operations.
package struct Operation: Sendable {
  /// The name, as models and users write it.
  package let name: String
  package let parameters: [Parameter]
  /// Every status that it can return.
  package let statuses: [String]
  /// One line: what it stands for.
  package let summary: String
  /// The kernel function or the section of the specification.
  package let source: String
  /// Decodes, then performs. A refusal is a status in the outcome; only a caller's mistake is thrown.
  package let perform: @Sendable (inout Machine, [String: Argument]) throws(OperationError) -> Outcome

  package init(
    _ name: String, _ parameters: [Parameter], statuses: [String], summary: String, source: String,
    perform: @escaping @Sendable (inout Machine, [String: Argument]) throws(OperationError) -> Outcome
  ) {
    self.name = name
    self.parameters = parameters
    self.statuses = statuses
    self.summary = summary
    self.source = source
    self.perform = perform
  }
}

/// One row of the table of observables.
package struct Observable: Sendable {
  package let name: String
  /// What it is indexed by, in order; empty for a single value.
  package let indices: [Parameter]
  package let value: ArgumentKind
  package let summary: String
  /// Reads without changing anything; the indices come by name.
  package let read: @Sendable (borrowing Machine, [String: Argument]) throws(OperationError) -> Argument

  package init(
    _ name: String, indices: [Parameter] = [], value: ArgumentKind, summary: String,
    read: @escaping @Sendable (borrowing Machine, [String: Argument]) throws(OperationError) -> Argument
  ) {
    self.name = name
    self.indices = indices
    self.value = value
    self.summary = summary
    self.read = read
  }
}
