/// A platform with one TD, built by SEAMCALLs alone: four levels of tables, down to a table of 2 MiB entries for gfn 0.
import MMUEngine
import Testing

/// Where the TD's pages lie, and what tests do with them again and again.
struct PlatformFixture {
  var platform: TDXPlatform
  let tdr = PFN(0x800)
  let vcpus = [PFN(0x810), PFN(0x811)]
  /// The table whose entries map 2 MiB each; its own frame, and the frame of gfn 0's entry in it.
  let directory = PFN(0x821)
  let key = HKID(2)
  /// A 2 MiB aligned block, and a page outside it.
  let block = PFN(0x1000)
  let page = PFN(0x1200)

  /// The entry of gfn 0 at 2 MiB.
  var entry: SecureEPTLocation { SecureEPTLocation(table: directory, index: 0) }

  /// A TD that is INITIALIZED, or RUNNABLE.
  init(running: Bool, packages: Int = 1, vcpuPages: Int = 0) throws {
    var size = PlatformSize()
    size.packages = packages
    size.vcpuPages = vcpuPages
    size.vcpus = 2
    size.poolFrames = 0x1000..<0x1240
    platform = TDXPlatform(size: size)
    for page in platform.memory.allPages { platform.memory.take(page, for: "test") }
    try platform.execute(.manageCreate(tdr: tdr.address, key: key))
    for package in platform.packages {
      try platform.execute(.keyConfigure(tdr: tdr.address), on: size.hostProcessor(package))
    }
    for frame in 0x801..<0x807 { try platform.execute(.addControlPage(PFN(UInt64(frame)).address, tdr: tdr.address)) }
    try platform.execute(.manageInitialize(tdr: tdr.address))
    for vcpu in vcpus {
      try platform.execute(.createVCPU(vcpu.address, tdr: tdr.address))
      for number in 0..<vcpuPages {
        let further = vcpu.advanced(by: 0x20 + 2 * number)
        try platform.execute(.addVCPUPage(further.address, tdvpr: vcpu.address))
      }
      try platform.execute(.initializeVCPU(vcpu.address, version: 1))
    }
    try platform.execute(.addTable(PageInfo(GFN(0), .page512G), tdr: tdr.address, page: PFN(0x820).address))
    try platform.execute(.addTable(PageInfo(GFN(0), .page1G), tdr: tdr.address, page: directory.address))
    if running { try platform.execute(.finalizeMeasurement(tdr: tdr.address)) }
  }

  /// The TD.
  var domain: TrustDomain { platform.domains[tdr] ?? TrustDomain(key: key, topLevel: .page512G) }

  /// Runs a call; the status, SUCCESS included, as `NAME|operand`.
  mutating func status(_ call: SEAMCall, on processor: LPID? = nil) -> String {
    do {
      try platform.execute(call, on: processor)
      return "SUCCESS"
    } catch { return Self.text(error) }
  }

  /// A refusal as tests write it: the kernel's name, then the operand.
  static func text(_ refusal: Refusal) -> String {
    refusal.operand.map { "\(refusal.code.name)|\($0)" } ?? refusal.code.name
  }

  /// The page-info operand of gfn 0 at 2 MiB.
  var info: PageInfo { PageInfo(GFN(0), .page2M) }

  /// Puts the entry of gfn 0 at 2 MiB into a state, with a PAMT that agrees; a blocked one has been blocked now.
  mutating func plant(_ state: SecureEPTState) throws {
    let target: PFN
    switch state {
    case .free: return
    case .nonLeafMapped, .nonLeafBlocked:
      target = page
      try platform.execute(.addTable(info, tdr: tdr.address, page: page.address))
    case .mapped, .blocked, .pending, .pendingBlocked:
      target = block
      try platform.execute(.augmentPage(info, tdr: tdr.address, page: block.address))
    }
    platform.memory.write(entry.table, entry.index, SecureEPTEntry(state, page: target).rawValue)
    if state.isBlocked { platform.pamt[target, state.isLeaf ? .page2M : .page4K].blockEpoch = domain.epoch }
  }

  /// One page by AUG at 4 KiB, below a table that `page` serves as; its frame is `block`.
  mutating func augmentSmallPage() throws {
    try platform.execute(.addTable(info, tdr: tdr.address, page: page.address))
    try platform.execute(.augmentPage(PageInfo(GFN(1), .page4K), tdr: tdr.address, page: block.address))
  }

  /// A vCPU accepts gfn 1; it is in the guest before and after.
  mutating func accept(_ vcpu: PFN, _ gfn: GFN = GFN(1), _ level: Level = .page4K) throws -> String {
    do {
      guard try platform.walkToAccept(vcpu, gfn, level) == .proceeds else { return "EXIT" }
      guard try platform.lockToAccept(vcpu) == .proceeds else { return "EXIT" }
    } catch { return Self.text(error) }
    platform.commitAccept(vcpu)
    return "SUCCESS"
  }
}
