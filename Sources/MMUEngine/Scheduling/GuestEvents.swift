/// What makes a vCPU leave the kernel in the middle of a private fault that has to start over.

/// Whether something waits for the guest, or for its thread, that a fault is interrupted for. Source: `kvm_vcpu_has_events`.
package enum GuestEvent: Hashable, Sendable {
  case none
  case pending
}

/// Whether guests ever have such events.
package enum GuestEvents: Hashable, Sendable {
  case never
  case sometimes
}

extension ScheduleRandom {
  /// What the guest has now.
  mutating func event(_ events: GuestEvents) -> GuestEvent { events == .sometimes && below(4) == 0 ? .pending : .none }
}

extension TDPMMU {
  /// Whether a private fault that has to start over does so before its vCPU leaves the kernel, to enter the guest as seldom as can be:
  /// each entry without progress brings zero-step mitigation nearer. Faults on shared memory never do.
  ///
  /// Source: `tdx_handle_ept_violation`.
  func retriesInPlace(_ result: FaultResult?, _ event: GuestEvent, slot: MMUHost.SlotState) -> Bool {
    guard result == .retry, event == .none, secureEPT?.vm?.isBugged != true else { return false }
    return version.privateRetry == .untilEvent || slot != .invalid
  }
}
