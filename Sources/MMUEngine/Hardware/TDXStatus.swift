/// The completion statuses of SEAMCALLs, by their numbers and by the names that the kernel gives them.
///
/// A status is 64 bits: bit 63 error, class and name in bits 47:32, the operand at fault in the low half. Some "refusals"
/// are informational (bit 63 clear), yet nothing is done; the engine treats them as refusals too.
/// Source: TDX Module ABI spec, "Function Completion Status Codes"; Linux arch/x86/kvm/vmx/tdx_errno.h.

/// The upper half of a completion status, which is what the kernel compares.
package enum TDXStatusCode: UInt64, Hashable, Sendable, CaseIterable {
  case success = 0
  case interruptedResumable = 0x8000_0003_0000_0000
  case operandInvalid = 0xC000_0100_0000_0000
  case operandAddressRangeError = 0xC000_0101_0000_0000
  case operandBusy = 0x8000_0200_0000_0000
  case previousTLBEpochBusy = 0x8000_0201_0000_0000
  case operandBusyHostPriority = 0x8000_0204_0000_0000
  case pageMetadataIncorrect = 0xC000_0300_0000_0000
  case associatedPagesExist = 0xC000_0400_0000_0000
  case systemShutdown = 0xC000_0506_0000_0000
  case fatal = 0xE000_0604_0000_0000
  case tdcsNotAllocated = 0xC000_0606_0000_0000
  case lifecycleStateIncorrect = 0xC000_0607_0000_0000
  case operationStateIncorrect = 0xC000_0608_0000_0000
  case noVirtualProcessors = 0xC000_0609_0000_0000
  case tdcxNumberIncorrect = 0xC000_0610_0000_0000
  case vcpuStateIncorrect = 0xC000_0700_0000_0000
  case vcpuAssociated = 0x8000_0701_0000_0000
  case vcpuNotAssociated = 0x8000_0702_0000_0000
  case keysNotConfigured = 0x8000_0810_0000_0000
  case keyConfigured = 0x0000_0815_0000_0000
  case writeBackNotComplete = 0x8000_0817_0000_0000
  case hkidNotFree = 0xC000_0820_0000_0000
  case noHKIDReadyToWriteBack = 0x0000_0821_0000_0000
  case writeBackResumeError = 0xC000_0823_0000_0000
  case flushNotDone = 0x8000_0824_0000_0000
  case walkFailed = 0xC000_0B00_0000_0000
  case rangeNotBlocked = 0xC000_0B06_0000_0000
  case rangeAlreadyBlocked = 0x0000_0B07_0000_0000
  case trackingNotDone = 0xC000_0B08_0000_0000
  case pageAlreadyAccepted = 0x0000_0B0A_0000_0000
  case pageSizeMismatch = 0xC000_0B0B_0000_0000
  case entryStateIncorrect = 0xC000_0B0D_0000_0000
  case tablePageNotFree = 0xC000_0B0E_0000_0000

  /// The kernel's spelling, with its prefix.
  package var name: String {
    switch self {
    case .success: "SUCCESS"
    case .interruptedResumable: "TDX_INTERRUPTED_RESUMABLE"
    case .operandInvalid: "TDX_OPERAND_INVALID"
    case .operandAddressRangeError: "TDX_OPERAND_ADDR_RANGE_ERROR"
    case .operandBusy: "TDX_OPERAND_BUSY"
    case .previousTLBEpochBusy: "TDX_PREVIOUS_TLB_EPOCH_BUSY"
    case .operandBusyHostPriority: "TDX_OPERAND_BUSY_HOST_PRIORITY"
    case .pageMetadataIncorrect: "TDX_PAGE_METADATA_INCORRECT"
    case .associatedPagesExist: "TDX_TD_ASSOCIATED_PAGES_EXIST"
    case .systemShutdown: "TDX_SYS_SHUTDOWN"
    case .fatal: "TDX_TD_FATAL"
    case .tdcsNotAllocated: "TDX_TDCS_NOT_ALLOCATED"
    case .lifecycleStateIncorrect: "TDX_LIFECYCLE_STATE_INCORRECT"
    case .operationStateIncorrect: "TDX_OP_STATE_INCORRECT"
    case .noVirtualProcessors: "TDX_NO_VCPUS"
    case .tdcxNumberIncorrect: "TDX_TDCX_NUM_INCORRECT"
    case .vcpuStateIncorrect: "TDX_VCPU_STATE_INCORRECT"
    case .vcpuAssociated: "TDX_VCPU_ASSOCIATED"
    case .vcpuNotAssociated: "TDX_VCPU_NOT_ASSOCIATED"
    case .keysNotConfigured: "TDX_TD_KEYS_NOT_CONFIGURED"
    case .keyConfigured: "TDX_KEY_CONFIGURED"
    case .writeBackNotComplete: "TDX_WBCACHE_NOT_COMPLETE"
    case .hkidNotFree: "TDX_HKID_NOT_FREE"
    case .noHKIDReadyToWriteBack: "TDX_NO_HKID_READY_TO_WBCACHE"
    case .writeBackResumeError: "TDX_WBCACHE_RESUME_ERROR"
    case .flushNotDone: "TDX_FLUSHVP_NOT_DONE"
    case .walkFailed: "TDX_EPT_WALK_FAILED"
    case .rangeNotBlocked: "TDX_GPA_RANGE_NOT_BLOCKED"
    case .rangeAlreadyBlocked: "TDX_GPA_RANGE_ALREADY_BLOCKED"
    case .trackingNotDone: "TDX_TLB_TRACKING_NOT_DONE"
    case .pageAlreadyAccepted: "TDX_PAGE_ALREADY_ACCEPTED"
    case .pageSizeMismatch: "TDX_PAGE_SIZE_MISMATCH"
    case .entryStateIncorrect: "TDX_EPT_ENTRY_STATE_INCORRECT"
    case .tablePageNotFree: "TDX_EPT_PAGE_NOT_FREE"
    }
  }
}

/// The operand that a status blames: a register, or a resource that no register names.
package enum OperandID: UInt64, Hashable, Sendable {
  case rcx = 1
  case rdx = 2
  case r8 = 8
  case r9 = 9
  case tdr = 128
  case secureEPTTree = 146
  case epoch = 169
  case operationState = 172
  case keyOwnershipTable = 186
  case writeBackCache = 188
}

/// Why a SEAMCALL did nothing: the status, the operand at fault, and what a failed walk reports about the entry it met.
package struct Refusal: Error, Hashable, Sendable {
  package let code: TDXStatusCode
  package let operand: OperandID?
  /// The entry on which the host asks for priority, because a guest call holds its lock; the one effect of a refusal.
  package var priority: SecureEPTLocation?
  /// Where a walk stopped: level and state of the entry.
  package var walk: WalkStop?

  package init(_ code: TDXStatusCode, _ operand: OperandID? = nil) {
    self.code = code
    self.operand = operand
  }

  /// The 64 bits that the call leaves in RAX.
  package var rax: UInt64 { code.rawValue | (operand?.rawValue ?? 0) }
}

/// Where and why a walk stopped above the level that was asked for.
package struct WalkStop: Hashable, Sendable {
  package let level: Level
  package let state: SecureEPTState?
}
