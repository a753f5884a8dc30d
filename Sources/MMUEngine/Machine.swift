/// The whole simulated machine: hardware that follows its specification, and a kernel that follows a policy.
package struct Machine: Sendable {
  /// How the kernel deviates from the right one; fixed for the machine's life.
  package let policy: KernelPolicy
  /// The TDX part: module, Secure-EPT, mirror tables, vCPUs.
  package var tdx: TDXHost
  /// Whether the invariants are checked after every operation of the TDX part; failures are engine checks.
  package var checksInvariants = false
  /// VM types, flags and what they gate.
  package var virtualMachines: VirtualMachineHost
  /// Memslots and the guest_memfd files bound to them.
  package var memslots: GuestMemfdHost
  /// Contending ioctls that change a TD's state, with a module of their own.
  package var tdIoctls: TDIoctlHost

  package init(policy: KernelPolicy) {
    self.policy = policy
    tdx = TDXHost(policy: policy)
    virtualMachines = VirtualMachineHost(policy: policy)
    memslots = GuestMemfdHost(policy: policy)
    tdIoctls = TDIoctlHost(policy: policy)
  }

  /// Every operation, in the order in which `kvmcheck engine` lists them.
  package static let operations: [Operation] =
    virtualMachineOperations + secureEPTOperations + guestMemfdOperations + tdIoctlOperations

  /// Every observable, in the order in which `kvmcheck engine` lists them.
  package static let observables: [Observable] =
    virtualMachineObservables + secureEPTObservables + guestMemfdObservables + tdIoctlObservables

  /// Performs a named operation after checking its arguments against the table.
  ///
  /// Throws: a caller's mistake (`OperationError`); a refusal by kernel or module is a status in the outcome.
  package mutating func perform(
    _ name: String, _ arguments: [String: Argument] = [:]
  ) throws(OperationError) -> Outcome {
    guard let operation = Self.operations.first(where: { $0.name == name }) else {
      if let call = UnmodelledSEAMCall(named: name) { throw .notModelled(call) }
      throw .unknownOperation(name)
    }
    return try operation.perform(&self, arguments)
  }

  /// Reads a named observable; `indices` by name.
  package func observe(_ name: String, _ indices: [String: Argument] = [:]) throws(OperationError) -> Argument {
    guard let observable = Self.observables.first(where: { $0.name == name }) else { throw .unknownObservable(name) }
    return try observable.read(self, indices)
  }
}
