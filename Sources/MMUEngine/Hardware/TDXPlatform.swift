/// The hardware: processors, memory, and a TDX module that performs SEAMCALLs as its specification says.
///
/// A call is decoded, with every check in the order of the specification and no effect, and then performed, which cannot
/// fail. A refused call changes nothing, with one exception that the module itself makes: when a guest holds the lock of the
/// entry, the host-priority bit of that entry is set.
///
/// Other agents: between `begin` and `end` of a two-step call everything else may run; what the call has decoded stays
/// true because it holds its locks from the first to the last step.
/// Source: TDX module 1.5.01, TDX Module ABI spec. Abstraction: one TD partition, no migration, no debug, no TDMR holes.

/// Checks that a module may be made to leave out, for variants that ask what the kernel alone guarantees.
package enum ModuleOmission: Hashable, Sendable {
  /// REMOVE, SEPT.REMOVE and UNBLOCK do not ask whether TLBs have been tracked since the block.
  case tracking
  /// SEPT.REMOVE does not look at the 512 entries.
  case emptyTableScan
  /// RECLAIM of a TDR does not ask whether the TD has other pages.
  case childCount
  /// VP.INIT of version 1 and later takes the TDR shared, as version 0 does.
  case exclusiveVPInit
}

/// Who a key identifier belongs to. Source: key ownership table (KOT).
package enum KeyState: Hashable, Sendable {
  case free
  case assigned
  /// VPFLUSHDONE is through; these packages have not written back yet.
  case flushed(Set<PackageID>)
}

/// How large a machine is.
package struct PlatformSize: Hashable, Sendable {
  package var packages = 1
  /// vCPUs of a TD; each has an LP of its own, beside one per package for the host's threads.
  package var vcpus = 4
  /// How many pages a vCPU's TDVPS has beside its first; real modules have several.
  package var vcpuPages = 0
  /// Frames for the kernel's and the module's control pages.
  package var controlFrames: Range<UInt64> = 0x0800..<0x0880
  /// Frames from which guest memory and the lowest tables come.
  package var poolFrames: Range<UInt64> = 0x1000..<0x1040
  /// The level of the root table's entries: 512G for four levels of tables, 256T for five.
  package var topLevel = Level.page512G
  /// Key identifiers 0 (shared), 1 (global) and so on below this.
  package var keys: UInt16 = 4

  package init() {}

  /// The machine that scenarios run on unless they set its size: two packages.
  package static var scenario: PlatformSize {
    var size = PlatformSize()
    size.packages = 2
    return size
  }

  /// How many LPs a package has.
  package var processorsPerPackage: Int { (vcpus + packages - 1) / packages + 1 }

  /// The LP of a vCPU: vCPUs go round the packages.
  package func processor(ofVCPU index: Int) -> LPID {
    LPID(index % packages * processorsPerPackage + index / packages)
  }

  /// The LP of a package on which the host's threads run: its last.
  package func hostProcessor(_ package: PackageID) -> LPID { LPID((package.rawValue + 1) * processorsPerPackage - 1) }
}

/// The machine below the kernel.
package struct TDXPlatform: Hashable, Sendable {
  package let size: PlatformSize
  package let omissions: Set<ModuleOmission>
  package var memory: PhysicalMemory
  package var pamt = PageMetadataTable()
  /// Key identifiers that are not free; 0 and the global one belong to nobody.
  package var keys: [HKID: KeyState] = [:]
  /// TDs by their TDR page.
  package var domains: [PFN: TrustDomain] = [:]
  /// vCPUs by their TDVPR page.
  package var virtualProcessors: [PFN: VirtualProcessor] = [:]
  package var processors: [LogicalProcessor]
  package var locks = LockTable()
  /// The vCPU whose entry holds the tree lock, because zero-stepping is suspected of it.
  package var treeHolder: PFN?
  /// SEAMCALLs that have begun and not ended; an LP is in one at most.
  package var inFlight: [LPID: DecodedCall] = [:]
  /// Keys whose write-back a package had started when an interrupt came.
  package var savedWriteBack: [PackageID: Set<HKID>] = [:]
  /// How many 4 KiB of a pending 2 MiB page an ACCEPT that was interrupted has zeroed; the module keeps this in the entry (bits 20:12).
  package var acceptedChunks: [SecureEPTLocation: Int] = [:]
  /// How many calls go through before one answers TDX_SYS_SHUTDOWN, a hard failure that the environment chose; nil: none does.
  package var callsBeforeFailure: Int?

  package init(size: PlatformSize = PlatformSize(), omissions: Set<ModuleOmission> = []) {
    self.size = size
    self.omissions = omissions
    memory = PhysicalMemory(control: size.controlFrames, pool: size.poolFrames, packages: size.packages)
    processors = (0..<size.packages * size.processorsPerPackage).map {
      LogicalProcessor(package: PackageID($0 / size.processorsPerPackage))
    }
  }

  /// Every package, in order.
  package var packages: [PackageID] { (0..<size.packages).map(PackageID.init) }

  /// The package of a processor.
  package func package(of processor: LPID) -> PackageID { processors[processor.rawValue].package }

  /// Performs a call in one step.
  @discardableResult
  package mutating func execute(_ call: SEAMCall, on processor: LPID? = nil) throws(Refusal) -> Completion {
    let decoded = try admit(call, on: processor ?? size.hostProcessor(PackageID(0)))
    return try perform(decoded)
  }

  /// Performs the first half of a call: its checks; its locks stay held until `end`.
  ///
  /// In between, calls on other processors meet those locks and are refused as busy; that is how two calls race.
  package mutating func begin(_ call: SEAMCall, on processor: LPID) throws(Refusal) {
    precondition(inFlight[processor] == nil, "a processor is in one SEAMCALL at a time")
    let decoded = try admit(call, on: processor)
    for request in decoded.locks { take(request) }
    inFlight[processor] = decoded
  }

  /// Performs the second half: the effects; then the locks are released.
  @discardableResult
  package mutating func end(on processor: LPID) throws(Refusal) -> Completion {
    guard let decoded = inFlight.removeValue(forKey: processor) else {
      preconditionFailure("no SEAMCALL to end on this processor")
    }
    for request in decoded.locks.reversed() { release(request) }
    return try perform(decoded)
  }

  /// Decodes; on a refusal the host-priority bit is all that is written.
  ///
  /// Tables that were read are told to the allocator in both cases, for a refused call has read them too.
  private mutating func admit(_ call: SEAMCall, on processor: LPID) throws(Refusal) -> DecodedCall {
    if let left = callsBeforeFailure {
      callsBeforeFailure = left == 0 ? nil : left - 1
      if left == 0 { throw Refusal(.systemShutdown) }
    }
    var decoded = DecodedCall(call, on: processor)
    do {
      try decode(&decoded)
    } catch {
      noteUse(of: decoded)
      if let location = error.priority {
        var entry = readEntry(location)
        entry.hasHostPriority = true
        memory.write(location.table, location.index, entry.rawValue)
      }
      throw error
    }
    noteUse(of: decoded)
    return decoded
  }

  /// Tells the allocator which tables the checks have read.
  private mutating func noteUse(of decoded: DecodedCall) {
    for page in decoded.touched { memory.use(page, by: "\(decoded.call.name) as a table") }
  }

  /// Whether a lock could be taken now.
  package func admits(_ request: LockRequest) -> Bool {
    guard case .entry(let location) = request.name else { return locks.admits(request) }
    return !readEntry(location).isLocked
  }

  /// Takes a lock; an entry's is a bit of the entry. Requires: it is free for this mode.
  package mutating func take(_ request: LockRequest) {
    guard case .entry(let location) = request.name else { return locks.take(request) }
    setLock(location, true)
  }

  /// Gives a lock back.
  package mutating func release(_ request: LockRequest) {
    guard case .entry(let location) = request.name else { return locks.release(request) }
    setLock(location, false)
  }

  /// Reads a Secure-EPT entry.
  package func readEntry(_ location: SecureEPTLocation) -> SecureEPTEntry {
    SecureEPTEntry(rawValue: memory.read(location.table, location.index))
  }

  /// Writes an entry for the TD; the line is dirty under the TD's key.
  ///
  /// A host call that had the entry has had its turn, so the host-priority bit goes.
  package mutating func writeEntry(_ location: SecureEPTLocation, _ entry: SecureEPTEntry, key: HKID) {
    var entry = entry
    entry.hasHostPriority = false
    memory.write(location.table, location.index, entry.rawValue)
    memory.dirty(location.table, key)
  }

  /// Writes an entry's lock bit.
  private mutating func setLock(_ location: SecureEPTLocation, _ isLocked: Bool) {
    var entry = readEntry(location)
    entry.isLocked = isLocked
    memory.write(location.table, location.index, entry.rawValue)
  }
}
