/// What differs between kernels, as data: every behaviour has a name and stands here, none is a test of a version elsewhere.
///
/// Sources: 6.12 and 7.3 read (6.12.95 and 7.3.4, whose traces are in Tests/Fixtures/traces); 6.16 and 6.19 read in descriptions,
/// so that what lies between 6.12 and 7.3 and is not described is dated as its declaration says. What is said of 6.19's TDX beside
/// its hooks for each kind of change was not compared with the kernels between it and 7.3.

/// A kernel's behaviour where kernels differ.
package struct KernelVersion: Hashable, Sendable {
  /// At which levels `tdp_mmu_zap_root` makes a pass.
  package enum ZapOrder: Hashable, Sendable {
    /// 4 KiB, 2 MiB, 1 GiB, root: leaves go before tables.
    case everyLevel
    /// CONFIG_KVM_PROVE_MMU: 1 GiB, root; a pass recurses into full subtrees.
    case fromOneGigabyte
  }

  /// Which comes first in the trace when a table goes.
  package enum RemovalOrder: Hashable, Sendable {
    /// The entry's own event, then the table's and its children's.
    case entryFirst
    /// `handle_removed_pt` is called before the trace event of the entry.
    case childrenFirst
  }

  /// What `make_spte` does about the dirty bit of a writable leaf.
  package enum DirtyGrant: Hashable, Sendable {
    /// Left out when the old entry was, or looked like, a writable leaf: an MMIO entry at 4 KiB has bit 1 set too.
    case unlessOldWritableLeaf
    case always
  }

  /// What a fault does on a leaf that already allows the access.
  package enum SpuriousFault: Hashable, Sendable {
    /// The entry is made anew; when it comes out equal nothing is written, but `kvm_mmu_set_spte` is traced.
    case remake
    /// RET_PF_SPURIOUS at once, nothing traced.
    case returnAtOnce
  }

  /// How huge pages come back after dirty logging.
  package enum HugePageRecovery: Hashable, Sendable {
    /// `kvm_tdp_mmu_zap_collapsible_sptes`: freeze, flush, clear; the next fault maps the huge page.
    case zap
    /// `kvm_tdp_mmu_recover_huge_pages`: the table's entry becomes a huge leaf in place; one flush at the end.
    case replace
  }

  /// How the trace spells access rights.
  package enum AccessNames: Hashable, Sendable {
    /// `wux`.
    case writeUserExecute
    /// `rwux`; `kvm_mmu_spte_requested` shows the access too.
    case readWriteUserExecute
  }

  /// How a TD's initial image is mapped.
  package enum InitialImage: Hashable, Sendable {
    /// The mirror's leaf is made present and counted, and the page is added to the Secure-EPT afterwards.
    case premapped
    /// PAGE.ADD happens inside of the install, under mmu_lock held for read.
    case addedInInstall
  }

  /// What a private mapping does to its page.
  package enum PrivatePages: Hashable, Sendable {
    /// It holds a reference; what a refused removal leaves behind leaks.
    case pinned
    case unpinned
  }

  /// How a change of a mirror entry reaches the Secure-EPT.
  package enum MirrorHooks: Hashable, Sendable {
    /// A hook for each kind of change: link and set before the entry is published, remove after the change's event, which asks for
    /// mmu_lock held for write before anything is written.
    case perKind
    /// One hook for all, inside of `__handle_changed_spte` and before the event: what it refuses is not traced, an entry that is changed
    /// under mmu_lock held for read is FROZEN till after the event, and a removed table's page goes back at once, not after RCU.
    case beforeEvent
  }

  /// What KVM_TDX_INIT_MEM_REGION and SNP_LAUNCH_UPDATE do about a page that the file has prepared already.
  package enum PreparedImagePage: Hashable, Sendable {
    /// -EEXIST, whether it is still mapped or not.
    case refused
    /// `kvm_gmem_populate` does not ask; only a page that the TD or the RMP still has is refused.
    case taken
  }

  /// How an EPT violation's exit qualification becomes an error code.
  package enum ViolationCode: Hashable, Sendable {
    /// A read is a user's access.
    case userIfRead
    /// An access of the guest's user mode is one, where the hardware says which mode it was.
    case userIfGuestUser
  }

  /// How aging writes an entry that was accessed.
  package enum AgingWrite: Hashable, Sendable {
    /// Bits are cleared in whatever stands there by now.
    case clearsBits
    /// Only what was read is exchanged; whoever was faster keeps the entry, and nothing is traced.
    case exchanges
  }

  /// Which memslots' generation a vCPU's remembered MMIO access is held against.
  package enum MMIOCacheGeneration: Hashable, Sendable {
    /// Those of the normal address space, in system management mode too.
    case ofNormalSpace
    case ofOwnSpace
  }

  /// For which changes of attributes room is made ahead.
  package enum AttributeRoom: Hashable, Sendable {
    case forEveryChange
    /// Becoming shared takes an entry away, which needs none.
    case forPrivateOnly
  }

  /// How long a TD's vCPU that has to start a private fault over does so at once, inside of its SRCU read section.
  package enum PrivateRetry: Hashable, Sendable {
    /// Until the guest has an event, the thread a signal, or the VM is dead: the deletion of its slot waits for that.
    case untilEvent
    /// Also until the slot is INVALID.
    case untilInvalidSlot
  }

  /// Whether a fault flushes after it has put something in a leaf's place.
  package enum LeafFlush: Hashable, Sendable {
    case never
    /// The leaf was MMU-writable and what stands there now is not: an MMIO entry of a fault that knows no slot yet.
    case whenWritableLost
  }

  /// What becomes of a prefetch whose slot is being deleted or moved.
  package enum PrefetchOfInvalidSlot: Hashable, Sendable {
    /// It starts over, as a fault does.
    case retries
    /// -EAGAIN.
    case fails
  }

  /// Name on the command line.
  package private(set) var name: String
  package var frozen: SPTE
  package var zapOrder: ZapOrder
  package var removalOrder: RemovalOrder
  package var dirtyGrant: DirtyGrant
  package var spuriousFault: SpuriousFault
  package var hugePageRecovery: HugePageRecovery
  package var accessNames: AccessNames
  /// How mmu_lock is held when the last zap of a VM's roots runs (`kvm_mmu_uninit_tdp_mmu`).
  package var finalZapLock: MMULockMode
  /// How mmu_lock is held by the recovery of NX huge pages.
  package var nxRecoveryLock: MMULockMode
  /// How mmu_lock is held by the aging of leaves; nil: not at all, RCU alone keeps the tables.
  package var agingLock: MMULockMode?
  /// Which roots aging looks at.
  package var agedRoots = RootTypes.all
  package var agingWrite = AgingWrite.clearsBits
  package var mmioCacheGeneration = MMIOCacheGeneration.ofNormalSpace
  package var attributeRoom = AttributeRoom.forEveryChange
  package var leafFlush = LeafFlush.never
  package var prefetchOfInvalidSlot = PrefetchOfInvalidSlot.retries
  /// Which bits of entries are software's, and what for.
  package var entryLayout = SPTEFormat.Layout.linux612
  package var violationCode = ViolationCode.userIfRead
  package var initialImage = InitialImage.premapped
  package var privatePages = PrivatePages.pinned
  package var privateRetry = PrivateRetry.untilEvent
  package var mirrorHooks = MirrorHooks.perKind
  package var preparedImagePage = PreparedImagePage.refused

  /// Linux 6.12.
  package static let linux612 = KernelVersion(
    name: "6.12", frozen: SPTE(rawValue: 0x8000_0000_0000_05A0), zapOrder: .everyLevel, removalOrder: .entryFirst,
    dirtyGrant: .unlessOldWritableLeaf, spuriousFault: .remake, hugePageRecovery: .zap,
    accessNames: .writeUserExecute, finalZapLock: .read, nxRecoveryLock: .write, agingLock: .write)

  /// Linux 6.12 with CONFIG_KVM_PROVE_MMU.
  package static let linux612Prove = linux612.named("6.12-prove") { $0.zapOrder = .fromOneGigabyte }

  /// Linux 6.16.
  package static let linux616 = linux612.named("6.16") {
    $0.entryLayout = .linux613
    $0.dirtyGrant = .always
    $0.spuriousFault = .returnAtOnce
    $0.hugePageRecovery = .replace
    $0.finalZapLock = .write
    $0.agingLock = nil
    $0.agedRoots = .valid
  }

  /// Linux 6.19.
  package static let linux619 = linux616.named("6.19") {
    $0.nxRecoveryLock = .read
    $0.prefetchOfInvalidSlot = .fails
    $0.initialImage = .addedInInstall
    $0.privatePages = .unpinned
    $0.privateRetry = .untilInvalidSlot
  }

  /// Linux 7.3. What it has and 6.19 has not is read in 7.3 alone, and may be older.
  package static let linux73 = linux619.named("7.3") {
    $0.frozen = SPTE(rawValue: 0x8000_0000_0000_01A0)
    $0.removalOrder = .childrenFirst
    $0.accessNames = .readWriteUserExecute
    $0.mirrorHooks = .beforeEvent
    $0.preparedImagePage = .taken
    $0.entryLayout = .linux73
    $0.violationCode = .userIfGuestUser
    $0.agingWrite = .exchanges
    $0.mmioCacheGeneration = .ofOwnSpace
    $0.attributeRoom = .forPrivateOnly
    $0.leafFlush = .whenWritableLost
  }

  /// Those whose traces can be replayed, in the order in which they are tried.
  package static let traced = [linux612, linux612Prove, linux73]

  /// The same kernel under another name, with some behaviours changed.
  private func named(_ name: String, _ change: (inout KernelVersion) -> Void) -> KernelVersion {
    var version = self
    version.name = name
    change(&version)
    return version
  }

  /// What the tracepoint of fast page faults calls bits of an error code (`kvm_mmu_trace_pferr_flags`).
  package var faultNames: [(bit: UInt64, name: String)] {
    let first: [(bit: UInt64, name: String)] = [(1, "P"), (2, "W"), (4, "U")]
    let keys: [(bit: UInt64, name: String)] = [(1 << 5, "PK"), (1 << 6, "SS"), (1 << 15, "SGX")]
    return first + (accessNames == .readWriteUserExecute ? keys : []) + [(8, "RSVD"), (16, "F")]
  }

  /// `ACC_ALL`: which bits of an MMIO entry its tracepoint prints as its access, whatever they mean there.
  package var accessMask: UInt64 { accessNames == .readWriteUserExecute ? 0xF : 7 }

  /// The levels at which `tdp_mmu_zap_root` makes a pass over a root of this level, in order.
  package func zapLevels(root: Level) -> [Level] {
    switch zapOrder {
    case .everyLevel: [.page4K, .page2M, .page1G, root]
    case .fromOneGigabyte: [.page1G, root]
    }
  }
}

extension SPTEFormat.Layout {
  /// Linux 6.12 spte.h. Where the hardware has no A and D, entries have none.
  package static let linux612 = SPTEFormat.Layout(
    hostWritable: 1 << 57, mmuWritable: 1 << 58, accessedDirtyDisabled: 1 << 52, userExecutable: 0, trackedShift: 54,
    generationLowBits: 8, keepsAccessedDirty: false)

  /// Linux 6.13: A and D are kept in every entry, by software where the hardware does not (dated from the commits' release, not
  /// read there; 6.12 and 7.3 were).
  package static let linux613 = SPTEFormat.Layout(
    hostWritable: 1 << 57, mmuWritable: 1 << 58, accessedDirtyDisabled: 1 << 52, userExecutable: 0, trackedShift: 54,
    generationLowBits: 8, keepsAccessedDirty: true)

  /// Linux 7.3 spte.h: bit 10 of an EPT entry is the hardware's, "executable in user mode"; it is given to every executable page,
  /// tracked like R and X, and no longer an MMIO generation's. The bits that were in its way have moved.
  package static let linux73 = SPTEFormat.Layout(
    hostWritable: 1 << 53, mmuWritable: 1 << 55, accessedDirtyDisabled: 1 << 60, userExecutable: 1 << 10,
    trackedShift: 52, generationLowBits: 7, keepsAccessedDirty: true)
}
