/// Host memory: simulated pages of 512 words, the kernel's free list, poison, and cache lines by key.
///
/// A page that goes back to the free list is poisoned and remembers the micro-steps that freed it. Whoever uses it later,
/// a hardware walk, a TLB, a table of the kernel, the module, has to say so with `use`, and the engine check
/// `use-after-free` then shows both stacks of micro-steps. The free list is a queue: the page freed last is handed out
/// last, so that a late use meets the poison and not a new owner (*heuristic*, as kernel quarantines do it).
///
/// Cache lines are kept per page as (key, package) pairs that are dirty. A page may go back to the allocator only when
/// the lines of its private key have been written back: a line that is evicted later would overwrite the next owner's data.

/// What has been asked of the machine and is still going on, outermost first: `zap worker: punch hole`, `PAGE.REMOVE`…
package struct MicroStepStack: Hashable, Sendable, CustomStringConvertible {
  /// The names, outermost first.
  package var names: [String] = []

  /// The micro-steps in one line, innermost last.
  package var description: String { names.isEmpty ? "boot" : names.joined(separator: " > ") }
}

/// Who a page frame serves, from the kernel's point of view.
package enum PageUse: Hashable, Sendable {
  /// On the free list, with the micro-steps that put it there.
  case free(MicroStepStack)
  /// Allocated by the kernel, for this purpose (`mirror table`, `S-EPT page`, `gmem`…).
  case allocated(String)
  /// Given up for ever, because a SEAMCALL failed: neither used nor free.
  case leaked
}

/// Data written under `key` that a cache of `package` may hold and has not written back yet.
package struct DirtyLine: Hashable, Sendable {
  package let key: HKID
  package let package: PackageID
}

/// A page frame and what is known about it.
package struct PageFrame: Hashable, Sendable {
  /// The 512 words, or nil for a page of zeroes that nobody has written yet.
  package var words: [UInt64]? = nil
  package var use: PageUse
  /// What of it is dirty in caches under private keys.
  package var dirty: Set<DirtyLine> = []
}

/// The part of memory that a request may be served from. Two zones keep a scenario's few guest pages apart from the rest.
package enum MemoryZone: Hashable, Sendable {
  /// Control structures, directory tables, the kernel's own mirror tables.
  case control
  /// Guest memory and the lowest Secure-EPT tables.
  case pool
}

/// The simulated page frames, and the free lists.
package struct PhysicalMemory: Hashable, Sendable {
  /// The frames that exist, by zone.
  package let control: Range<UInt64>
  package let pool: Range<UInt64>
  /// How many packages have caches.
  package let packages: Int
  /// The frames: the control zone's, then the pool's.
  package private(set) var frames: [PageFrame]
  /// The kernel's free lists, first to be handed out first.
  package private(set) var freeLists: [MemoryZone: [PFN]]
  /// What is going on now; the operations push and pop.
  package var steps = MicroStepStack()
  /// The engine checks that fired and were not yet collected.
  package private(set) var checks: [EngineCheck] = []

  /// What a freed page is filled with; no page-table format of ours reads it as a valid entry.
  package static let poison: UInt64 = 0x6B6B_6B6B_6B6B_6B6B

  /// A machine on which all frames are free.
  package init(control: Range<UInt64>, pool: Range<UInt64>, packages: Int) {
    self.packages = packages
    self.control = control
    self.pool = pool
    frames = Array(repeating: PageFrame(use: .free(MicroStepStack())), count: control.count + pool.count)
    freeLists = [.control: control.map(PFN.init), .pool: pool.map(PFN.init)]
  }

  /// Every frame that exists, in order.
  package var allPages: [PFN] { control.map(PFN.init) + pool.map(PFN.init) }

  /// Whether the frame exists.
  package func contains(_ page: PFN) -> Bool { control.contains(page.rawValue) || pool.contains(page.rawValue) }

  /// Which zone the frame belongs to.
  package func zone(of page: PFN) -> MemoryZone { pool.contains(page.rawValue) ? .pool : .control }

  /// What is known about a frame. Requires: it exists.
  package func frame(_ page: PFN) -> PageFrame { frames[index(page)] }

  /// Whether the frame is on the free list.
  package func isFree(_ page: PFN) -> Bool {
    if case .free = frames[index(page)].use { true } else { false }
  }

  /// Hands out the page that has been free longest, cleared. Requires: one is free.
  package mutating func allocate(_ zone: MemoryZone, for purpose: String) -> PFN {
    guard let page = freeLists[zone]?.first else {
      preconditionFailure("the simulated machine has run out of page frames")
    }
    take(page, for: purpose)
    return page
  }

  /// Hands out this very page, cleared. Requires: it is free.
  package mutating func take(_ page: PFN, for purpose: String) {
    precondition(isFree(page), "page taken that is not free")
    freeLists[zone(of: page)]?.removeAll { $0 == page }
    frames[index(page)].words = nil
    frames[index(page)].use = .allocated(purpose)
  }

  /// Puts a page on the free list and poisons it.
  ///
  /// Nothing is checked but that it was not free already: whether the module still owns it is what the checks on use and
  /// the invariants find out.
  package mutating func free(_ page: PFN) {
    if case .free(let before) = frames[index(page)].use {
      report("double-free", "page \(page.rawValue): freed by [\(before)], again by [\(steps)]")
      return
    }
    frames[index(page)].words = Self.poisoned
    frames[index(page)].use = .free(steps)
    freeLists[zone(of: page), default: []].append(page)
  }

  /// Gives a page up: it is never handed out again. The kernel's answer to a failed SEAMCALL.
  package mutating func leak(_ page: PFN) { frames[index(page)].use = .leaked }

  /// Notes that `who` uses the page; reports `use-after-free` with both stacks when it is on the free list.
  package mutating func use(_ page: PFN, by who: String) {
    guard contains(page), case .free(let freed) = frames[index(page)].use else { return }
    report("use-after-free", "page \(page.rawValue) used by \(who) in [\(steps)], freed by [\(freed)]")
  }

  /// Reads a word; a page never written reads as zeroes. Requires: the frame exists and `word` is below 512.
  package func read(_ page: PFN, _ word: Int) -> UInt64 { frames[index(page)].words?[word] ?? 0 }

  /// Writes a word. Whoever writes on behalf of a TD also calls `dirty`.
  package mutating func write(_ page: PFN, _ word: Int, _ value: UInt64) {
    if frames[index(page)].words == nil { frames[index(page)].words = Self.zeroes }
    frames[index(page)].words?[word] = value
  }

  /// Fills a page with one word.
  package mutating func fill(_ page: PFN, with value: UInt64) {
    frames[index(page)].words = value == 0 ? nil : Array(repeating: value, count: 512)
  }

  /// Notes data of `key` in caches: a dirty line may move between caches, so it counts for every package (worst case).
  package mutating func dirty(_ page: PFN, _ key: HKID) {
    for package in 0..<packages {
      frames[index(page)].dirty.insert(DirtyLine(key: key, package: PackageID(package)))
    }
  }

  /// Whether some cache holds data of `key` that has not been written back.
  package func isDirty(_ page: PFN, _ key: HKID) -> Bool { frames[index(page)].dirty.contains { $0.key == key } }

  /// Writes back and invalidates one page's lines of one key, in every package.
  package mutating func writeBack(_ page: PFN, _ key: HKID) {
    frames[index(page)].dirty = frames[index(page)].dirty.filter { $0.key != key }
  }

  /// Writes back one package's lines of these keys, on all pages. Complexity: the number of frames.
  package mutating func writeBack(_ keys: Set<HKID>, on package: PackageID) {
    for position in frames.indices where !frames[position].dirty.isEmpty {
      frames[position].dirty = frames[position].dirty.filter { $0.package != package || !keys.contains($0.key) }
    }
  }

  /// Records that a check of the engine fired.
  package mutating func report(_ name: String, _ detail: String) { checks.append(EngineCheck(name, detail)) }

  /// Takes the checks that have fired since the last call.
  package mutating func collectChecks() -> [EngineCheck] {
    defer { checks = [] }
    return checks
  }

  /// One array for all freed pages: they share its storage until somebody writes.
  private static let poisoned = [UInt64](repeating: poison, count: 512)
  /// One array for all pages that are about to be written the first time.
  private static let zeroes = [UInt64](repeating: 0, count: 512)

  /// The position of a frame. Requires: it exists.
  private func index(_ page: PFN) -> Int {
    precondition(contains(page), "frame beyond the simulated memory")
    if control.contains(page.rawValue) { return Int(page.rawValue - control.lowerBound) }
    return control.count + Int(page.rawValue - pool.lowerBound)
  }
}
