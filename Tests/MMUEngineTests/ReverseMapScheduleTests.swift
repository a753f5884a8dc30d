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
  var found: String?
  var done: [String: Int] = [:]

  init(seed: UInt64, fault: HostFault?) {
    random = ScheduleRandom(seed: seed)
    self.fault = fault
  }

  func has(_ fault: HostFault) -> Bool { self.fault == fault }

  /// One operation, then the invariants.
  mutating func step() {
    let before = host.firmware.rmp
    let operation = random.below(8)
    switch operation {
    case 0: makePrivate()
    case 1: validate()
    case 2: split()
    case 3: freeBlock()
    case 4: launch()
    case 5: makeContext()
    case 6: dropContext()
    default: meddle()
    }
    check(before, isFirmware: operation == 4 || operation == 5 || operation == 6)
  }

  private mutating func count(_ name: String) { done[name, default: 0] += 1 }

  private mutating func page(of block: Int) -> PFN { PFN(UInt64(block * 512 + random.below(512))) }

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
    } else if host.handleFault(first, GFN(first.rawValue)) == nil {
      return
    }
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

  /// guest_memfd gives a block back; pages that stay assigned are leaked.
  private mutating func freeBlock() {
    let block = 1 + random.below(3)
    guard owners[block] != nil else { return }
    let range = UInt64(block * 512)..<UInt64(block * 512 + 512)
    let left = has(.freedWithoutUpdate) ? [] : host.free(range)
    let pages = Set(range.map { PFN($0) }).subtracting(has(.freedDespiteRefusal) ? [] : left)
    // A block that has lost pages for good is not handed out any more: the rest of it stays with its owner.
    guard pages.count == 512 else { return count("leak") }
    owners[block] = nil
    freePages.formUnion(pages)
    count("free")
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
        "refused permission",
      ])
  }

  @Test("each mistake of a host is found by its own invariant", arguments: HostFault.allCases)
  private func fault(_ fault: HostFault) {
    let expected: Set<String>
    switch fault {
    case .freedWithoutUpdate:
      expected = ["a free page is GUEST_INVALID", "a free page is GUEST_VALID"]
    case .freedDespiteRefusal: expected = ["a free page is PRE_GUEST"]
    case .leakForgotten: expected = ["a free page is CONTEXT"]
    case .splitByUpdate: expected = ["a split changed a page"]
    case .immutableReassigned: expected = ["an immutable page changed"]
    }
    var found: Set<String> = []
    for seed in 0..<40 as Range<UInt64> {
      if let first = Self.run(seed, fault).found { found.insert(first) }
    }
    #expect(found == expected)
  }
}
