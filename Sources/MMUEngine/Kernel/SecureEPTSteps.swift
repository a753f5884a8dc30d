/// How a named micro-step is run: arguments checked, stacks noted, damage collected, invariants checked.

/// The arguments of an operation or an observable, checked against its parameters.
package struct CheckedArguments: Sendable {
  private let values: [String: Argument]

  /// Throws: a missing, an unknown or a wrongly typed argument.
  package init(_ name: String, _ parameters: [Parameter], _ given: [String: Argument]) throws(OperationError) {
    for argument in given.keys.sorted() where !parameters.contains(where: { $0.name == argument }) {
      throw .unexpectedArgument(operation: name, parameter: argument)
    }
    for parameter in parameters {
      guard let value = given[parameter.name] else {
        if parameter.isOptional { continue }
        throw .missingArgument(operation: name, parameter: parameter.name)
      }
      let fits: Bool
      switch (parameter.kind, value) {
      case (.integer, .integer), (.boolean, .boolean): fits = true
      case (.symbol(let names), .symbol(let symbol)): fits = names.contains(symbol)
      case (.integer, _), (.boolean, _), (.symbol, _): fits = false
      }
      guard fits else {
        throw .wrongKind(operation: name, parameter: parameter.name, expected: parameter.kind, found: value)
      }
    }
    values = given
  }

  /// A number; 0 when it was left out.
  package func integer(_ name: String) -> Int {
    if case .integer(let value) = values[name] { value } else { 0 }
  }

  /// A guest frame. Requires: `secureEPTObjects` has found it to exist.
  package var gfn: GFN { GFN(UInt64(integer("gfn"))) }

  /// A host frame. Requires: as for `gfn`.
  package var pfn: PFN { PFN(UInt64(integer("pfn"))) }

  /// A vCPU's index.
  package var vcpu: Int { integer("vcpu") }

  /// A package.
  package var package: PackageID { PackageID(integer("package")) }

  /// A level as the module counts.
  package var level: Level { integer("level") == 1 ? .page2M : .page4K }

  /// Whether an optional argument was given.
  package func has(_ name: String) -> Bool { values[name] != nil }

  /// Throws: an object that this machine does not have.
  package func requireObjects(of host: TDXHost) throws(OperationError) {
    if has("gfn") { try require("gfn", 0..<0x1000_0000) }
    if has("vcpu") { try require("vcpu", 0..<host.platform.size.vcpus) }
    if has("package") { try require("package", 0..<host.platform.size.packages) }
    if has("level") { try require("level", 0..<2) }
    guard has("pfn") else { return }
    let pool = host.platform.memory.pool
    try require("pfn", Int(pool.lowerBound)..<Int(pool.upperBound))
  }

  /// Throws: a number outside its range.
  private func require(_ name: String, _ range: Range<Int>) throws(OperationError) {
    guard range.contains(integer(name)) else { throw .noSuchObject("\(name) \(integer(name))") }
  }
}

extension Machine {
  /// Runs one micro-step and says how it ended.
  ///
  /// Damage is what the step itself reported, and translations to freed pages that a vCPU in the guest has since.
  mutating func runSecureEPT(
    _ name: String, _ arguments: CheckedArguments, _ detail: String,
    _ step: (inout TDXHost, CheckedArguments) throws(Stop) -> Void
  ) throws(OperationError) -> Outcome {
    try arguments.requireObjects(of: tdx)
    tdx.platform.memory.steps.names = [detail]
    let before = tdx.staleTranslations
    var status = TDXStatusCode.success.name
    do { try step(&tdx, arguments) } catch {
      switch error {
      case .would(let other):
        // Nothing has changed, so there is nothing to look at.
        tdx.platform.memory.steps.names = []
        return Outcome("KVM_WOULD_\(other)")
      case .module(let refusal): status = refusal.code.name
      case .bug(let what):
        status = "KVM_BUG_ON"
        tdx.platform.memory.report("KVM_BUG_ON", what)
      }
    }
    for stale in tdx.staleTranslations where !before.contains(stale) {
      tdx.platform.memory.report(
        "stale-translation", "vCPU \(stale.vcpu) in the guest can still use page \(stale.page.rawValue), which is free")
    }
    tdx.platform.memory.steps.names = []
    var checks = Self.mostTelling(tdx.platform.memory.collectChecks())
    if checksInvariants { checks += tdx.checkInvariants() }
    return Outcome(status, checks: checks)
  }

  /// Of the checks that one step raises, the one that counts; the others are told in its detail.
  ///
  /// One mistake often trips several: a table that is freed too early is also a page that a TD owns. What a variant names is
  /// the cause, which comes first in `secureEPTChecks`.
  private static func mostTelling(_ checks: [EngineCheck]) -> [EngineCheck] {
    func rank(_ check: EngineCheck) -> Int {
      secureEPTChecks.firstIndex { $0.name == check.name } ?? secureEPTChecks.count
    }
    let ranked = checks.enumerated().sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }
    guard let first = ranked.first?.element else { return [] }
    let others = ranked.dropFirst().map { "\($0.element.name): \($0.element.detail)" }
    return [EngineCheck(first.name, ([first.detail] + others).joined(separator: "; also "))]
  }

  /// The engine checks of the Secure-EPT part, most telling first.
  package static let secureEPTChecks: [EngineCheck] = [
    EngineCheck("KVM_BUG_ON", "an assertion of the kernel failed; the VM is dead from then on"),
    EngineCheck("sept-removed-nonempty", "SEPT.REMOVE succeeded on a table with an entry that is not free"),
    EngineCheck(
      "table-freed-before-leaves", "a Secure-EPT table went back to the host before a page mapped through it"),
    EngineCheck("page-freed-while-owned", "a page went to the free list while the PAMT gives it to a TD"),
    EngineCheck("page-freed-dirty", "a page went to the free list with dirty cache lines of a private HKID"),
    EngineCheck(
      "stale-translation",
      "a vCPU in the guest holds a translation to or through a free page, or reaches one that its host has taken away"),
    EngineCheck("hkid-freed-early", "KEY.FREEID succeeded while the TD has private pages"),
    EngineCheck("tdr-reclaimed-early", "a TDR was reclaimed while its TD had other pages"),
    EngineCheck("slot-page-lost", "deleting a memslot removed the page of another slot"),
    EngineCheck(
      "mirror-sept-mismatch", "a mirror SPTE that is not frozen disagrees with its Secure-EPT entry at an unlock"),
    EngineCheck("use-after-free", "a freed page or memslot was used by a TD, a page walk, the module or the kernel"),
    EngineCheck("double-free", "a page was freed that was free already"),
    EngineCheck("invariant", "an invariant of the engine does not hold after an operation"),
  ]
}

/// A cached translation in the guest's reach that leads to or through a free page.
package struct StaleTranslation: Hashable, Sendable {
  package let vcpu: Int
  package let page: PFN
}

extension TDXHost {
  /// Every such translation at present. Source: tdx-module TLB tracking, whose purpose is that there is none.
  package var staleTranslations: [StaleTranslation] {
    guard let vm else { return [] }
    return vm.vcpus.enumerated().flatMap { index, thread -> [StaleTranslation] in
      guard mode(of: thread).usesTranslations else { return [] }
      let lp = platform.processors[platform.processor(of: thread.tdvpr).rawValue]
      return lp.reachable(vm.tdr).filter { platform.memory.contains($0) && platform.memory.isFree($0) }
        .map { StaleTranslation(vcpu: index, page: $0) }
    }
  }
}
