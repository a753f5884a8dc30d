/// What differs between kernels, as data: every behaviour has a name and stands here, none is a test of a version elsewhere.
///
/// Sources: 6.12 and 7.3 as recorded in Tests/Fixtures/traces and read, 6.16 and 6.19 read. What is said of 6.19's TDX beside its hooks
/// for each kind of change was not compared with the kernels between it and 7.3.

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
  /// Whether a leaf's aging holds mmu_lock for write; else it is lockless.
  package var agingLock: MMULockMode?
  package var initialImage = InitialImage.premapped
  package var privatePages = PrivatePages.pinned
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
    $0.dirtyGrant = .always
    $0.spuriousFault = .returnAtOnce
    $0.hugePageRecovery = .replace
    $0.finalZapLock = .write
    $0.agingLock = nil
  }

  /// Linux 6.19.
  package static let linux619 = linux616.named("6.19") {
    $0.nxRecoveryLock = .read
    $0.initialImage = .addedInInstall
    $0.privatePages = .unpinned
  }

  /// Linux 7.3.
  package static let linux73 = linux619.named("7.3") {
    $0.frozen = SPTE(rawValue: 0x8000_0000_0000_01A0)
    $0.removalOrder = .childrenFirst
    $0.accessNames = .readWriteUserExecute
    $0.mirrorHooks = .beforeEvent
    $0.preparedImagePage = .taken
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

  /// The levels at which `tdp_mmu_zap_root` makes a pass over a root of this level, in order.
  package func zapLevels(root: Level) -> [Level] {
    switch zapOrder {
    case .everyLevel: [.page4K, .page2M, .page1G, root]
    case .fromOneGigabyte: [.page1G, root]
    }
  }
}
