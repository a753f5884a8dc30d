/// Random operations of a host, its firmware and two SNP guests on one reverse map table, and what must hold after each.
import MMUEngine
import Testing

/// Single-line mistakes of the host.
private enum HostFault: String, CaseIterable {
  /// Pages of a guest_memfd go to the allocator without RMPUPDATE.
  case freedWithoutUpdate = "freed-without-update"
  /// A page goes to the allocator although RMPUPDATE was refused; Linux 6.16 only warns (`sev_gmem_invalidate`).
  case freedDespiteRefusal = "freed-despite-refusal"
  /// A firmware page goes to the allocator although it could not be reclaimed.
  case leakForgotten = "leak-forgotten"
  /// A 2 MiB page is split by RMPUPDATE instead of PSMASH.
  case splitByUpdate = "split-by-update"
  /// The host gives an immutable page away by a door that only the firmware has.
  case immutableReassigned = "immutable-reassigned"
  /// Leaves of pages that change hands are zapped, and TLBs keep them.
  case zapWithoutFlush = "zap-without-flush"
  /// A smashed page keeps its 2 MiB leaf, and is given away in parts.
  case smashWithoutZap = "smash-without-zap"
}

/// A leaf of the nested page tables, also as a TLB has it.
private struct NestedLeaf: Hashable {
  var asid: UInt16
  var gfn: GFN
  var page: PFN
  var level: Level
}

/// The machine: 4 blocks of 2 MiB; block 0 serves single pages, the others guest_memfds.
private struct SNPRun {
  static let blocks = 1..<4
  var host = SNPHost(pages: 2048)
  var random: ScheduleRandom
  let fault: HostFault?
  /// Pages on the kernel's free list: blocks as a whole, and single pages of block 0.
  var freePages: Set<PFN> = Set((0..<2048).map { PFN($0) })
  /// Block to the guest that has it, at guest frames of the same number.
  var owners: [Int: UInt16] = [:]
  var contexts: [PFN] = []
  /// The guests' context and metadata pages, by ASID.
  static let guests: [UInt16: (context: PFN, metadata: PFN)] = [5: (PFN(500), PFN(502)), 6: (PFN(501), PFN(503))]
  /// Nested page tables of both guests, and the TLBs of two CPUs.
  var nested: Set<NestedLeaf> = []
  var buffers: [Set<NestedLeaf>] = [[], []]
  /// Pages that are swapped out, by their metadata entry.
  var swapped: [MetadataEntry: PFN] = [:]
  var found: String?
  var done: [String: Int] = [:]

  init(seed: UInt64, fault: HostFault?) {
    random = ScheduleRandom(seed: seed)
    self.fault = fault
    do {
      for (asid, pages) in Self.guests.sorted(by: { $0.key < $1.key }) {
        for page in [pages.context, pages.metadata] {
          freePages.remove(page)
          try host.firmware.rmp.update(page, .firmware)
        }
        try host.firmware.createContext(pages.context)
        try host.firmware.startLaunch(pages.context)
        try host.firmware.activate(pages.context, asid)
        try host.firmware.finishLaunch(pages.context)
        try host.firmware.initializeMetadata(pages.context, pages.metadata)
      }
    } catch { found = "a guest could not be made: \(error)" }
  }

  func has(_ fault: HostFault) -> Bool { self.fault == fault }

  /// One operation, then the invariants.
  mutating func step() {
    let before = host.firmware.rmp
    let operation = random.below(14)
    switch operation {
    case 0: makePrivate()
    case 1: validate()
    case 2: split()
    case 3: freeBlock()
    case 4: launch()
    case 5: makeContext()
    case 6: dropContext()
    case 7: swapOut()
    case 8: swapIn()
    case 9: move()
    case 10: unsmash()
    case 11, 12: access()
    default: meddle()
    }
    check(before, isFirmware: (4...10).contains(operation))
  }

  private mutating func count(_ name: String) { done[name, default: 0] += 1 }

  /// Any page of a block, mostly one of the first few: what happens to the same page again is what matters.
  private mutating func page(of block: Int) -> PFN {
    PFN(UInt64(block * 512 + random.below(random.below(4) == 0 ? 512 : 4)))
  }

  /// A private fault: a block's folio goes to a guest, as one page or as its first pages singly.
  private mutating func makePrivate() {
    let block = 1 + random.below(3)
    let asid = owners[block] ?? UInt16(5 + random.below(2))
    let isHuge = owners[block] == nil && random.below(2) == 0
    let page = isHuge ? PFN(UInt64(block * 512)) : page(of: block)
    for frame in block * 512..<block * 512 + 512 { freePages.remove(PFN(UInt64(frame))) }
    owners[block] = asid
    do {
      _ = try host.prepare(page, GFN(page.rawValue), isHuge: isHuge, asid: asid)
      count("prepare")
    } catch { found = found ?? "prepare refused: \(error)" }
  }

  private mutating func validate() {
    let block = 1 + random.below(3)
    guard let asid = owners[block] else { return }
    let page = page(of: block)
    let isLarge = host.firmware.rmp.entry(page).size == .page2M
    let first = isLarge ? PFN(UInt64(block * 512)) : page
    let outcome = host.firmware.rmp.validate(
      first, GFN(first.rawValue), isLarge ? .page2M : .page4K, random.below(4) > 0, asid: asid)
    if outcome == .ok { count("validate") }
  }

  /// A nested fault of a 4 KiB leaf on a 2 MiB page; every page of it means the same afterwards.
  private mutating func split() {
    let block = 1 + random.below(3)
    guard let asid = owners[block], host.firmware.rmp.entry(page(of: block)).size == .page2M else { return }
    let first = PFN(UInt64(block * 512))
    let large = host.firmware.rmp.entry(first)
    if has(.splitByUpdate) {
      do {
        try host.firmware.rmp.update(first, .shared(.page2M))
        for offset in 0..<512 {
          let page = first.advanced(by: offset)
          try host.firmware.rmp.update(page, .guest(asid, GFN(page.rawValue)))
        }
      } catch { return }
      zap { $0.page.aligned(to: .page2M) == first }
    } else if let range = handleFault(first, GFN(first.rawValue)) {
      if !has(.smashWithoutZap) { zap { range.contains($0.gfn) && $0.asid == asid } }
    } else {
      return
    }
    // An immutable page stays as it is; what maps it goes all the same.
    guard !large.isImmutable else { return count("split refused") }
    count("split")
    for offset in 0..<512 {
      let small = host.firmware.rmp.entry(first.advanced(by: offset))
      guard small.asid == asid, small.isValidated == large.isValidated, small.permissions == large.permissions,
        small.gfn == GFN(large.gfn.rawValue + UInt64(offset)), small.size == .page4K
      else {
        found = found ?? "a split changed a page"
        return
      }
    }
  }

  private mutating func handleFault(_ page: PFN, _ gfn: GFN) -> FrameRange? {
    do { return try host.handleFault(page, gfn) } catch {
      found = found ?? "PSMASH is tried for ever"
      return nil
    }
  }

  private mutating func free(_ pages: Range<UInt64>) -> [PFN] {
    do { return try host.free(pages) } catch {
      found = found ?? "page \(error.page.rawValue) is tried for ever"
      return [error.page]
    }
  }

  /// guest_memfd gives a block back; pages that stay assigned are leaked.
  private mutating func freeBlock() {
    let block = 1 + random.below(3)
    guard owners[block] != nil else { return }
    let range = UInt64(block * 512)..<UInt64(block * 512 + 512)
    zap { range.contains($0.page.rawValue) }
    swapped = swapped.filter { !range.contains($0.value.rawValue) }
    let left = has(.freedWithoutUpdate) ? [] : free(range)
    let pages = Set(range.map { PFN($0) }).subtracting(has(.freedDespiteRefusal) ? [] : left)
    // A block that has lost pages for good is not handed out any more: the rest of it stays with its owner.
    guard pages.count == 512 else { return count("leak") }
    owners[block] = nil
    freePages.formUnion(pages)
    count("free")
  }

  /// Leaves go from the nested page tables, which the RMP knows nothing of, and then from the TLBs.
  private mutating func zap(_ isAffected: (NestedLeaf) -> Bool) {
    let before = host.firmware.rmp
    nested = nested.filter { !isAffected($0) }
    if before != host.firmware.rmp { found = found ?? "a zap changed the RMP" }
    guard !has(.zapWithoutFlush) else { return }
    for index in buffers.indices { buffers[index] = buffers[index].filter { !isAffected($0) } }
  }

  /// A guest uses a frame: through a TLB if that has it, else through the nested page tables, where a fault maps it.
  private mutating func access() {
    let block = 1 + random.below(3)
    let page = page(of: block)
    let cpu = random.below(2)
    let gfn = GFN(page.rawValue)
    let asid = UInt16(5 + random.below(2))
    if let leaf = buffers[cpu].first(where: { $0.asid == asid && covers($0, gfn) }) {
      count("hit")
      let reached = PFN(leaf.page.rawValue + gfn.rawValue - leaf.gfn.rawValue)
      if host.firmware.rmp.access(reached, gfn, .page4K, asid: asid) == .nestedPageFault,
        host.firmware.rmp.access(reached, gfn, leaf.level, asid: asid) == .nestedPageFault
      {
        found = found ?? "a guest reaches a page that is not its own"
      }
      return
    }
    guard owners[block] == asid else { return }
    let leaf = nested.first { $0.asid == asid && covers($0, gfn) } ?? map(page, gfn, asid)
    guard let leaf else { return }
    switch host.firmware.rmp.access(page, gfn, leaf.level, asid: asid) {
    case .ok:
      buffers[cpu].insert(leaf)
      count("fill")
    case .nestedPageFault:
      // A leaf that is smaller than the page: the page is smashed, and the guest tries again.
      guard let range = handleFault(page, gfn) else { return }
      if !has(.smashWithoutZap) { zap { range.contains($0.gfn) && $0.asid == asid } }
      count("fault split")
    case .unchanged, .failed, .notValidated: return
    }
  }

  private func covers(_ leaf: NestedLeaf, _ gfn: GFN) -> Bool {
    leaf.gfn.rawValue <= gfn.rawValue && gfn.rawValue < leaf.gfn.rawValue + leaf.level.pages
  }

  /// A nested fault: a leaf no larger than the RMP's page, sometimes smaller.
  private mutating func map(_ page: PFN, _ gfn: GFN, _ asid: UInt16) -> NestedLeaf? {
    let entry = host.firmware.rmp.entry(page)
    guard entry.isAssigned, entry.asid == asid else { return nil }
    let isLarge = entry.size == .page2M && random.below(4) > 0
    let leaf =
      isLarge
      ? NestedLeaf(asid: asid, gfn: gfn.aligned(to: .page2M), page: page.aligned(to: .page2M), level: .page2M)
      : NestedLeaf(asid: asid, gfn: gfn, page: page, level: .page4K)
    nested.insert(leaf)
    return leaf
  }

  /// A small page of a guest that is where its frame's number says, and in this state.
  private mutating func smallPage(_ state: ReverseMapState) -> (page: PFN, asid: UInt16)? {
    let block = 1 + random.below(3)
    guard let asid = owners[block] else { return nil }
    let first = random.below(512)
    for offset in 0..<512 {
      let page = PFN(UInt64(block * 512 + (first + offset) % 512))
      let entry = host.firmware.rmp.entry(page)
      if entry.size == .page4K, entry.state == state, entry.asid == asid, entry.gfn == GFN(page.rawValue) {
        return (page, asid)
      }
    }
    return nil
  }

  /// A page goes out to a page of the firmware's, which the host then takes back with the ciphertext.
  private mutating func swapOut() {
    guard let (page, asid) = smallPage(.guestValid), let pages = Self.guests[asid] else { return }
    let target = PFN(UInt64(64 + random.below(64)))
    let entry = MetadataEntry(pages.metadata, random.below(8))
    guard swapped[entry] == nil, freePages.remove(target) != nil else { return }
    zap { $0.page == page || $0.level == .page2M && $0.page == page.aligned(to: .page2M) }
    do {
      try host.firmware.rmp.update(target, .firmware)
      try host.firmware.rmp.update(page, .guest(asid, GFN(page.rawValue), isImmutable: true))
      try host.firmware.swapOut(pages.context, page, to: target, entry)
      try host.firmware.reclaim(page)
      try host.firmware.rmp.update(page, .shared())
      swapped[entry] = page
      count("swap out")
    } catch { found = found ?? "swap out refused: \(error)" }
    host.reclaimFirmwarePage(target)
    freePages.insert(target)
  }

  /// A page that is out comes back to where it was, unless something else is there now.
  private mutating func swapIn() {
    let entries = swapped.sorted { ($0.key.page.rawValue, $0.key.index) < ($1.key.page.rawValue, $1.key.index) }
    guard !entries.isEmpty else { return }
    let (entry, page) = entries[random.below(entries.count)]
    guard let guest = Self.guests.first(where: { $0.value.metadata == entry.page }),
      owners[Int(page.rawValue) / 512] == guest.key, !host.firmware.rmp.entry(page).isAssigned
    else { return }
    do {
      try host.firmware.rmp.update(page, .guest(guest.key, GFN(page.rawValue), isImmutable: true))
      try host.firmware.swapIn(guest.value.context, page, entry)
      try host.firmware.reclaim(page)
      count("swap in")
      if host.firmware.rmp.entry(page).state != .guestValid { found = found ?? "a page came back otherwise" }
    } catch {
      // What an earlier owner of the block had swapped out is no use; such a page goes back.
      guard case SEVStatus.invalidMetadataEntry = error else {
        found = found ?? "swap in refused: \(error)"
        return
      }
      do {
        try host.firmware.reclaim(page)
        try host.firmware.rmp.update(page, .shared())
      } catch { found = found ?? "a page for a swap in cannot be had back: \(error)" }
    }
    swapped[entry] = nil
  }

  /// A page's contents move to another page of the block, which has its frame from then on.
  private mutating func move() {
    guard let (page, asid) = smallPage(.guestValid), let pages = Self.guests[asid] else { return }
    let target = PFN(page.rawValue & ~511 | UInt64(random.below(512)))
    guard !host.firmware.rmp.entry(target).isAssigned else { return }
    zap { $0.page == page || $0.level == .page2M && $0.page == page.aligned(to: .page2M) }
    do {
      try host.firmware.rmp.update(page, .guest(asid, GFN(page.rawValue), isImmutable: true))
      try host.firmware.rmp.update(target, .guest(asid, GFN(target.rawValue), isImmutable: true))
      try host.firmware.move(pages.context, page, to: target)
      count("move")
      if host.firmware.rmp.access(target, GFN(page.rawValue), .page4K, asid: asid) != .ok {
        found = found ?? "a moved page is not what it was"
      }
      if host.firmware.rmp.access(page, GFN(page.rawValue), .page4K, asid: asid) != .notValidated {
        found = found ?? "a move left its source valid"
      }
      try host.firmware.rmp.update(page, .shared())
      // Back again, as if the host had thought better of it: frames go by the numbers of their pages here.
      try host.firmware.rmp.update(target, .guest(asid, GFN(page.rawValue), isImmutable: true))
      try host.firmware.rmp.update(page, .guest(asid, GFN(page.rawValue), isImmutable: true))
      try host.firmware.move(pages.context, target, to: page)
      try host.firmware.rmp.update(target, .shared())
    } catch { found = found ?? "move refused: \(error)" }
  }

  /// The 512 pages of a block that was smashed, made one again where they are still of one kind.
  private mutating func unsmash() {
    let block = 1 + random.below(3)
    guard let asid = owners[block] else { return }
    let pages = (0..<512).map { PFN(UInt64(block * 512 + $0)) }
    let entries = pages.map { host.firmware.rmp.entries[Int($0.rawValue)] }
    guard entries.allSatisfy({ $0.isAssigned && $0.size == .page4K && !$0.isImmutable && $0.asid == asid }),
      zip(pages, entries).allSatisfy({ $0.rawValue == $1.gfn.rawValue })
    else { return }
    let isOfOneKind = Set(entries.map(\.isValidated)).count == 1
    do {
      for page in pages { try host.firmware.rmp.update(page, .guest(asid, GFN(page.rawValue), isImmutable: true)) }
      do {
        try host.firmware.unsmash(pages[0])
        if !isOfOneKind { found = found ?? "pages of two kinds were made one" }
        try host.firmware.reclaim(pages[0], .page2M)
        count("unsmash")
      } catch {
        if isOfOneKind { found = found ?? "unsmash refused: \(error)" }
        for page in pages { try host.firmware.reclaim(page) }
        count("unsmash refused")
      }
    } catch { found = found ?? "reclaim refused: \(error)" }
    for (page, entry) in zip(pages, entries) {
      let now = host.firmware.rmp.entry(page)
      if now.isValidated != entry.isValidated || now.asid != asid { found = found ?? "an unsmash changed a page" }
    }
  }

  /// A launch page of a guest whose launch the firmware then refuses: it stays immutable until it is reclaimed.
  private mutating func launch() {
    let block = 1 + random.below(3)
    guard let asid = owners[block] else { return }
    let page = page(of: block)
    guard !host.firmware.rmp.entry(page).isAssigned else { return }
    do {
      try host.firmware.rmp.update(page, .guest(asid, GFN(page.rawValue), isImmutable: true))
      count("launch")
    } catch { found = found ?? "launch page refused: \(error)" }
    if random.below(2) == 0 {
      do { try host.firmware.reclaim(page) } catch { found = found ?? "reclaim refused: \(error)" }
    }
  }

  private mutating func makeContext() {
    guard contexts.count < 4 else { return }
    let page = PFN(UInt64(random.below(64)))
    guard freePages.remove(page) != nil else { return }
    do {
      try host.firmware.rmp.update(page, .firmware)
      try host.firmware.createContext(page)
      contexts.append(page)
      count("context")
    } catch { found = found ?? "context refused: \(error)" }
  }

  /// A context goes; sometimes its decommission is left out, and then the page cannot be had back.
  private mutating func dropContext() {
    guard !contexts.isEmpty else { return }
    let page = contexts.remove(at: random.below(contexts.count))
    if random.below(4) > 0 {
      do { try host.firmware.decommission(page) } catch { found = found ?? "decommission refused: \(error)" }
    }
    host.reclaimFirmwarePage(page)
    if !host.leaked.contains(page) || has(.leakForgotten) { freePages.insert(page) }
    count(host.leaked.contains(page) ? "context leaked" : "context dropped")
  }

  /// The host tries to take any page; one that is immutable it cannot have.
  private mutating func meddle() {
    let immutable = host.firmware.rmp.entries.indices.filter { host.firmware.rmp.entries[$0].isImmutable }
    guard !immutable.isEmpty else { return }
    let page = PFN(UInt64(immutable[random.below(immutable.count)]))
    if has(.immutableReassigned) { return host.firmware.rmp.firmware(page) { $0.asid = 7 } }
    do {
      try host.firmware.rmp.update(page, .guest(7, GFN(page.rawValue)))
      found = found ?? "an immutable page was updated"
    } catch { count("refused \(error)") }
  }

  private mutating func check(_ before: ReverseMapTable, isFirmware: Bool) {
    let now = host.firmware.rmp
    for index in now.entries.indices {
      let entry = now.entries[index]
      let page = PFN(UInt64(index))
      if freePages.contains(page), now.entry(page).state != .hypervisor {
        found = found ?? "a free page is \(now.entry(page).state.rawValue)"
      }
      if entry.isValidated, !entry.isAssigned || entry.asid == 0 { found = found ?? "validated for nobody" }
      if !isFirmware, before.entries[index].isImmutable, entry != before.entries[index] {
        found = found ?? "an immutable page changed"
      }
      if entry.isAssigned, entry.size == .page2M, now.assignedPages(in: page) != 1 {
        found = found ?? "a page assigned inside of a larger one"
      }
    }
    for leaf in nested.union(buffers[0]).union(buffers[1]) where leaf.level == .page2M {
      let entry = now.entry(leaf.page)
      if entry.isAssigned, entry.size == .page4K { found = found ?? "a leaf is larger than its page" }
    }
    if !freePages.isDisjoint(with: host.leaked) { found = found ?? "a leaked page is free" }
  }
}

@Suite("The reverse map table under random operations of host, firmware and guests")
struct ReverseMapScheduleTests {
  private static func run(_ seed: UInt64, _ fault: HostFault?) -> SNPRun {
    var run = SNPRun(seed: seed, fault: fault)
    for _ in 0..<120 where run.found == nil { run.step() }
    return run
  }

  @Test("a right host: free pages are the hypervisor's, immutable ones nobody's to give, a split keeps what a page is")
  func right() {
    var done: Set<String> = []
    for seed in 0..<40 as Range<UInt64> {
      let run = Self.run(seed, nil)
      #expect(run.found == nil, "seed \(seed)")
      done.formUnion(run.done.keys)
    }
    #expect(
      done == [
        "prepare", "validate", "split", "free", "leak", "launch", "context", "context dropped", "context leaked",
        "refused permission", "swap out", "swap in", "move", "unsmash", "unsmash refused", "hit", "fill", "fault split",
      ])
  }

  @Test("each mistake of a host is found by its own invariant", arguments: HostFault.allCases)
  private func fault(_ fault: HostFault) {
    let expected: Set<String>
    switch fault {
    case .freedWithoutUpdate:
      expected = ["a free page is GUEST_INVALID", "a free page is GUEST_VALID", "a free page is PRE_GUEST"]
    case .freedDespiteRefusal: expected = ["a free page is PRE_GUEST"]
    case .leakForgotten: expected = ["a free page is CONTEXT"]
    case .splitByUpdate: expected = ["a split changed a page"]
    case .immutableReassigned: expected = ["an immutable page changed"]
    case .zapWithoutFlush:
      expected = ["a guest reaches a page that is not its own", "a leaf is larger than its page"]
    case .smashWithoutZap: expected = ["a leaf is larger than its page"]
    }
    var found: Set<String> = []
    for seed in 0..<40 as Range<UInt64> {
      if let first = Self.run(seed, fault).found { found.insert(first) }
    }
    #expect(found == expected)
  }
}
