--@ title Secure-EPT: mirror page table, TLB tracking, zapping and teardown of a TDX VM
--@ source Linux 6.16.1 and 6.19 arch/x86/kvm/mmu/tdp_mmu.c, arch/x86/kvm/vmx/tdx.c, virt/kvm/guest_memfd.c; TDX module 1.5.01 source and ABI specification
--@ abstraction one TD, one HKID; the S-EPT above the tables of 4K leaves is a lower and an upper directory page, which are built with the TD and reclaimed after all tables
--@ abstraction 4K leaves only, no migration, no partitioning; one page per memslot, all memslots on one guest_memfd
--@ abstraction each vCPU stays on its own logical processor; TDVPR, TDCX and TDCS pages are one unit, which never runs short
--@ abstraction a vCPU in the guest has touched every private page that it can reach (the worst case for every property about translations)
--@ abstraction a page fault takes mmu_lock in the step in which it reads slot, attribute and pfn: the mmu_invalidate_seq protocol is another model's
--@ abstraction one memory ioctl (punch, slot deletion, conversion, close) at a time; the shared EPT is not modelled
--@ abstraction VP.ENTER under zero-step mitigation holds the tree lock and the epoch lock for one step; other host SEAMCALLs are one step
--@ abstraction no hole punch is inside its zap while TDH.MR.FINALIZE runs (see the variant finalize-during-punch)
--@ abstraction a call of the zap or of the teardown that fails for good (HARD_FAILURE) does nothing in the module; creation, faults and the guest's calls do not fail so
--@ abstraction what a failed destruction leaks stays leaked: in the variants that reach it no TD is created afterwards, so that they end in a deadlock there, and what they say holds up to there
--@ abstraction the bug TDX-ZAP-BUSY (BUSY_KICK false) was fixed before 6.16: neither form has it
--@ abstraction a dirty cache line belongs to a page, not to a package: the last package's PHYMEM.CACHE.WB cleans them all
--@ bind table = gfn 0x200 step 0x200
--@ bind leaf = gfn 0 step 1
--@ bind page = pfn 0x1000 step 1
--@ bind vcpu = vcpu 0 step 1
--@ bind package = package 0 step 1
--@ setup platform vcpus=VCPUS packages=PACKAGES
--@ observable mirror_table_spte[t: table]=mirrorTable[t]
--@ observable mirror_spte[t: table, l: leaf]=mirrorLeaf[t][l]
--@ observable table_page[t: table, p: page]=tablePage[t][p]
--@ observable gmem_page[t: table, l: leaf, p: page]=gmem[t][l][p]
--@ observable slot_state[t: table, l: leaf]=range[t][l]
--@ observable page_free[p: page]=free[p]
--@ observable page_pinned[p: page]=pinned[p]
--@ observable page_dirty[p: page]=dirty[p]
--@ observable pamt[p: page]=pamt[p]
--@ observable td_lifecycle=lifecycle
--@ observable op_state=opState
--@ observable kvm_runnable=kvmRunnable
--@ observable hkid_assigned=hkidAssigned
--@ observable wait_for_sept_zap=(waitZap & BUSY_KICK)
--@ observable vm_bugged=bugged
--@ observable gmem_open=gmemOpen
--@ observable mmu_write_locked=(write_locked() & !ZAP_SHARED)
--@ observable sept_table_state[t: table]=(lifecycle = TD_KEYS_CONFIGURED ? septTable[t] : SEPT_FREE)
--@ observable sept_state[t: table, l: leaf]=(lifecycle = TD_KEYS_CONFIGURED ? septLeaf[t][l] : SEPT_FREE)
--@ observable sept_maps[t: table, l: leaf, p: page]=(lifecycle = TD_KEYS_CONFIGURED & maps[t][l][p])
--@ observable block_age[t: table, l: leaf]=(lifecycle = TD_KEYS_CONFIGURED ? blockAge[t][l] : 2)
--@ observable vcpu_mode[v: vcpu]=mode[v]
--@ observable vcpu_behind[v: vcpu]=behind[v]
--@ observable vcpu_associated[v: vcpu]=associated[v]
--@ observable exit_requested[v: vcpu]=exitRequested[v]
--@ observable tlb[v: vcpu, p: page]=(inside(v) & tlb[v][p])
--@ scope kvm-6-16: KVM_616=true
--@ scope small: PAGES=2
--@ scope one-leaf: LEAVES=1 PAGES=2
--@ scope two: TABLES=2 PAGES=2
-- A table costs a page, so `two` never holds two private leaves, nor two tables and a leaf: that is what two-tables-filled is for.
-- `small` never holds two leaves either. `large` is too large for the main job (one vCPU and one package alone have more than
-- 5.8 million states): `--scope large` says how far the search came.
--@ scope two-tables: TABLES=2 LEAVES=1 PAGES=5 VCPUS=1 PACKAGES=1
--@ scope large: TABLES=2 PAGES=5
--@ scope larger: TABLES=3 LEAVES=3 PAGES=7 VCPUS=3
--@ variant every-kind-twice: in two => holds policy right
--@ variant two-tables-filled: in two-tables => holds policy right
--@ variant form-6-16: KVM_616=true =>
--@+  holds policy kvm-6-16
--@ variant no-track: DO_TRACK=false =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TLB_TRACKING_NOT_DONE,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON
--@ variant track-before-block: TRACK_FIRST=true =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TLB_TRACKING_NOT_DONE,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON
--@ variant no-kick: DO_KICK=false =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TLB_TRACKING_NOT_DONE,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON
--@ variant unblock-before-remove: UNBLOCK_FIRST=true in one-leaf =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_GPA_RANGE_NOT_BLOCKED,
--@+  holds "no vCPU in the guest uses a translation to a freed page"
--@ variant hkid-first: HKID_FIRST=true =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early
--@ variant hkid-first-no-assertion: HKID_FIRST=true ASSERT_HKID=false =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TD_KEYS_NOT_CONFIGURED,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves policy hkid-first+no-hkid-assertion
--@ variant free-before-remove: FREE_FIRST=true =>
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned
--@ variant zap-shared: ZAP_SHARED=true =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON
--@ variant zap-root: ZAP_ROOT=true =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_GPA_RANGE_NOT_BLOCKED,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves
--@+ design "zap on memslot deletion"
--@ variant zap-root-blocked: ZAP_ROOT=true ZAP_ROOT_BLOCK=true in one-leaf =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_EPT_PAGE_NOT_FREE,
--@+  holds "SEPT.REMOVE succeeds only on 512 free entries",
--@+  holds "while keys are configured every entry that is not free has only mapped or blocked ancestors",
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves
--@+ design "zap on memslot deletion"
--@ variant zap-root-unscanned: ZAP_ROOT=true ZAP_ROOT_BLOCK=true MODULE_SCAN=false =>
--@+  violates "SEPT.REMOVE succeeds only on 512 free entries" by sept-removed-nonempty,
--@+  violates "while keys are configured every entry that is not free has only mapped or blocked ancestors" by sept-removed-nonempty,
--@+  violates "no private SPTE freed before its leaves" by sept-removed-nonempty policy zap-root-blocked+module-no-scan
--@ variant zap-all-on-delete: DELETE_ALL=true =>
--@+  violates "deleting a memslot loses no other slot's pages" by slot-page-lost design "zap on memslot deletion"
--@ variant module-no-tracking: MODULE_TRACKING=false =>
--@+  holds
--@ variant no-track-unchecked: DO_TRACK=false MODULE_TRACKING=false =>
--@+  violates "no vCPU in the guest uses a translation to a freed page" by stale-translation policy no-track+module-no-tracking
--@ variant no-kick-unchecked: DO_KICK=false MODULE_TRACKING=false =>
--@+  violates "no vCPU in the guest uses a translation to a freed page" by stale-translation,
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_PREVIOUS_TLB_EPOCH_BUSY policy no-kick+module-no-tracking
--@ variant block-only: BLOCK_ONLY=true in one-leaf =>
--@+  holds "no vCPU in the guest uses a translation to a freed page",
--@+  holds "SEPT.REMOVE succeeds only on 512 free entries",
--@+  holds "while keys are configured every entry that is not free has only mapped or blocked ancestors",
--@+  holds "TDR is reclaimed last",
--@+  holds "the retry with all vCPUs out is never busy",
--@+  holds "deleting a memslot loses no other slot's pages",
--@+  violates "while the HKID is assigned and the VM is not bugged, outside write-locked and FROZEN windows, mirror SPTE and S-EPT entry agree" by mirror-sept-mismatch,
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves,
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TD_ASSOCIATED_PAGES_EXIST design "zap on memslot deletion"
--@ variant hard-failure-6-16: HARD_FAILURE=true KVM_616=true in small =>
--@+  holds "a free page belongs to no TD and no dirty cache line of its HKID is left",
--@+  holds "no vCPU in the guest uses a translation to a freed page",
--@+  holds "while the HKID is assigned and the VM is not bugged, outside write-locked and FROZEN windows, mirror SPTE and S-EPT entry agree",
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_SYS_SHUTDOWN,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves,
--@+  holds "the retry with all vCPUs out is never busy", holds "TDR is reclaimed last" policy kvm-6-16
--@ variant hard-failure-6-19: HARD_FAILURE=true in small =>
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned,
--@+  holds "no vCPU in the guest uses a translation to a freed page",
--@+  holds "while the HKID is assigned and the VM is not bugged, outside write-locked and FROZEN windows, mirror SPTE and S-EPT entry agree",
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_SYS_SHUTDOWN,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves,
--@+  holds "the retry with all vCPUs out is never busy", holds "TDR is reclaimed last" policy right
--@ variant busy-retry-without-kick: BUSY_KICK=false =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_OPERAND_BUSY bug TDX-ZAP-BUSY
--@ variant busy-retry-without-kick-6-16: BUSY_KICK=false KVM_616=true =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_OPERAND_BUSY bug TDX-ZAP-BUSY policy busy-retry-without-kick+kvm-6-16
--@ variant entry-not-barred: ENTRY_BARRED=false =>
--@+  violates "the retry with all vCPUs out is never busy" by TDX_OPERAND_BUSY,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON
--@ variant finalize-during-punch: FINALIZE_IN_PUNCH=true =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TLB_TRACKING_NOT_DONE,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves,
--@+  holds "no vCPU in the guest uses a translation to a freed page",
--@+  holds "while keys are configured every entry that is not free has only mapped or blocked ancestors",
--@+  holds "while the HKID is assigned and the VM is not bugged, outside write-locked and FROZEN windows, mirror SPTE and S-EPT entry agree",
--@+  holds "the retry with all vCPUs out is never busy", holds "TDR is reclaimed last",
--@+  holds "deleting a memslot loses no other slot's pages" policy right
--@ variant split-steps: SPLIT_STEPS=true =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TLB_TRACKING_NOT_DONE,
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "a free page belongs to no TD and no dirty cache line of its HKID is left" by page-freed-while-owned,
--@+  violates "the HKID is released only after all private leaves are gone" by hkid-freed-early,
--@+  violates "no private SPTE freed before its leaves" by table-freed-before-leaves,
--@+  holds "no vCPU in the guest uses a translation to a freed page",
--@+  holds "while keys are configured every entry that is not free has only mapped or blocked ancestors",
--@+  holds "while the HKID is assigned and the VM is not bugged, outside write-locked and FROZEN windows, mirror SPTE and S-EPT entry agree",
--@+  holds "the retry with all vCPUs out is never busy", holds "TDR is reclaimed last",
--@+  holds "deleting a memslot loses no other slot's pages" policy right
--@ variant tdr-first: TDR_FIRST=true =>
--@+  violates "no zap or teardown SEAMCALL is refused except as the kernel expects" by TDX_TD_ASSOCIATED_PAGES_EXIST
--@ variant tdr-first-unchecked: TDR_FIRST=true MODULE_CHILDREN=false =>
--@+  violates "TDR is reclaimed last" by tdr-reclaimed-early policy tdr-first+module-no-children

const
  TABLES: 1;                      -- tables of 4K leaves
  LEAVES: 2;                      -- guest frames in each
  PAGES: 3;                       -- host pages for gmem and for tables
  VCPUS: 2;
  PACKAGES: 2;                    -- CPU packages, each with its cache

  KVM_616: false;                 -- the form of 6.16: premapped leaves and pinned pages; false: that of 6.19
  HARD_FAILURE: false;            -- any SEAMCALL of a zap or of the teardown may fail for good

  DO_TRACK: true;                 -- the zap calls TDH.MEM.TRACK
  TRACK_FIRST: false;             -- ... but before RANGE.BLOCK
  DO_KICK: true;                  -- the zap kicks all vCPUs out before PAGE.REMOVE
  UNBLOCK_FIRST: false;           -- the zap unblocks before PAGE.REMOVE
  HKID_FIRST: false;              -- the HKID is released while guest_memfd is still open
  ASSERT_HKID: true;              -- tdx_sept_remove_private_spte asserts that the HKID is assigned
  FREE_FIRST: false;              -- a hole punch frees the page before PAGE.REMOVE
  ZAP_SHARED: false;              -- the zap of the mirror runs under mmu_lock held for read
  DELETE_ALL: false;              -- deleting a memslot zaps every leaf
  BLOCK_ONLY: false;              -- deleting a memslot blocks its leaf and leaves it there
  ZAP_ROOT: false;                -- deleting a memslot drops the whole table, as on VMX and NPT: SEPT.REMOVE
  ZAP_ROOT_BLOCK: false;          -- ... after RANGE.BLOCK of the table, TRACK and kick
  TDR_FIRST: false;               -- the TDR is reclaimed before the tables
  FINALIZE_IN_PUNCH: false;       -- TDH.MR.FINALIZE may come while a hole punch holds mmu_lock
  SPLIT_STEPS: false;             -- PAGE.ADD, MR.EXTEND, FINALIZE: the module's call and KVM's state change are steps of their own

  BUSY_KICK: true;                -- bug TDX-ZAP-BUSY when false: a busy zap SEAMCALL is retried at once, with no vCPU kicked or barred
  ENTRY_BARRED: true;             -- vCPUs do not enter while wait_for_sept_zap is set

  MODULE_TRACKING: true;          -- the module's own checks: TLB tracking before REMOVE,
  MODULE_SCAN: true;              -- 512 free entries before SEPT.REMOVE,
  MODULE_CHILDREN: true;          -- no page left to the TD before its TDR is reclaimed

type
  table: scalarset(TABLES);
  leaf: scalarset(LEAVES);
  page: scalarset(PAGES);
  vcpu: scalarset(VCPUS);
  package: scalarset(PACKAGES);
  age: 0..2;                      -- TD_EPOCH - BEPOCH; 2 stands for two and more
  spte: enum { NONPRESENT, FROZEN, PRESENT };
  sept: enum { SEPT_FREE, NL_MAPPED, NL_BLOCKED, PENDING, PENDING_BLOCKED, MAPPED, BLOCKED };
  pamtType: enum { PT_NDA, PT_REG, PT_EPT };
  lifecycleType: enum { TD_NONE, TD_KEYS_CONFIGURED, TD_BLOCKED, TD_TEARDOWN };
  opType: enum { OP_NONE, OP_INITIALIZED, OP_RUNNABLE };
  rangeType: enum { R_PRIVATE, R_SHARED, R_INVALID, R_NONE };     -- attribute and memslot of a guest frame
  vcpuMode: enum { V_OUT, V_ENTERING, V_GUEST, V_ACCEPTING, V_TABLE_FROZEN, V_TABLE_ADDED, V_LEAF_FROZEN, V_LEAF_AUGED, V_REFUSED };
  jobType: enum { NO_JOB, PUNCH, DELETE, CONVERT, CLOSE };
  jobStep: enum { S_IDLE, S_BEGUN, S_WALK, S_BLOCK, S_TRACK, S_KICK, S_UNBLOCK, S_FREE, S_REMOVE, S_WBINVD, S_BLOCK_TABLE, S_REMOVE_TABLE, S_BUG, S_BUG_TRACK, S_UNLOCKED, S_END };
  phaseType: enum { P_NONE, P_LIVE, P_FLUSH, P_FLUSH_BUG, P_CACHE_WB, P_RECLAIM, P_TDCS, P_TDR, P_TDR_WBINVD, P_LEAKED };
  status: enum { TDX_SUCCESS, TDX_OPERAND_BUSY, TDX_SYS_SHUTDOWN, TDX_TD_KEYS_NOT_CONFIGURED, TDX_EPT_WALK_FAILED, TDX_EPT_ENTRY_STATE_INCORRECT,
    TDX_GPA_RANGE_ALREADY_BLOCKED, TDX_GPA_RANGE_NOT_BLOCKED, TDX_TLB_TRACKING_NOT_DONE, TDX_PREVIOUS_TLB_EPOCH_BUSY,
    TDX_EPT_PAGE_NOT_FREE, TDX_PAGE_METADATA_INCORRECT, TDX_TD_ASSOCIATED_PAGES_EXIST, TDX_WBCACHE_NOT_COMPLETE };

var
  -- the kernel: mirror page table, external_spt, guest_memfd, memslots, free list
  mirrorTable: array[table] of spte;
  mirrorLeaf: array[table] of array[leaf] of spte;
  tablePage: array[table] of array[page] of boolean;              -- the S-EPT page (external_spt) of the table
  gmem: array[table] of array[leaf] of array[page] of boolean;    -- the file's page at the frame's offset
  range: array[table] of array[leaf] of rangeType;
  free: array[page] of boolean;
  pinned: array[page] of boolean;                                 -- [6.16] reference of the mapping
  premapped: array[table] of array[leaf] of boolean;              -- [6.16] counted in nr_premapped
  populating: array[table] of array[leaf] of boolean;             -- [6.16] the frame of a running KVM_TDX_INIT_MEM_REGION
  gmemOpen: boolean;
  kvmRunnable: boolean;                                           -- kvm_tdx->state == TD_STATE_RUNNABLE
  hkidAssigned: boolean;                                          -- kvm_tdx->hkid > 0
  waitZap: boolean;                                               -- wait_for_sept_zap: the second try of a busy SEAMCALL
  bugged: boolean;                                                -- KVM_BUG_ON was hit: vm_bugged
  phase: phaseType;
  unflushed: array[vcpu] of boolean;                              -- [HARD_FAILURE] VP.FLUSH failed: KVM has disassociated the vCPU all the same
  -- the ioctl, fallocate or release that zaps: at most one
  job: jobType;
  step: jobStep;
  target: array[table] of array[leaf] of boolean;                 -- the frame that PUNCH, DELETE, CONVERT name
  current: array[table] of array[leaf] of boolean;                -- the leaf that is being removed
  currentTable: array[table] of boolean;                          -- [ZAP_ROOT] the table that is being removed
  -- the TDX module
  lifecycle: lifecycleType;
  opState: opType;
  septTable: array[table] of sept;
  septLeaf: array[table] of array[leaf] of sept;
  maps: array[table] of array[leaf] of array[page] of boolean;    -- the page an S-EPT leaf entry points to
  blockAge: array[table] of array[leaf] of age;                   -- age of BEPOCH of a blocked leaf, else 2
  tableAge: array[table] of age;                                  -- the same of a blocked table entry
  lowerDirectory: boolean;                                        -- the page above the tables belongs to the TD
  upperDirectory: boolean;                                        -- the page above that one does
  controlPages: boolean;                                          -- TDCS and TDVPR pages do
  pamt: array[page] of pamtType;
  dirty: array[page] of boolean;                                  -- cache lines with the TD's HKID
  cachePending: array[package] of boolean;                        -- WBINVD_BITMAP
  cacheInterrupted: array[package] of boolean;
  cacheFailed: array[package] of boolean;                         -- [HARD_FAILURE] CACHE.WB failed there: the bit stays, and KVM goes on
  -- vCPUs
  mode: array[vcpu] of vcpuMode;
  atTable: array[vcpu] of array[table] of boolean;                -- the table that a fault links
  atLeaf: array[vcpu] of array[table] of array[leaf] of boolean;  -- the leaf that a fault maps or the guest accepts
  associated: array[vcpu] of boolean;
  behind: array[vcpu] of boolean;                                 -- VCPU_EPOCH != TD_EPOCH
  exitRequested: array[vcpu] of boolean;                          -- kicked, and not yet out
  tlb: array[vcpu] of array[page] of boolean;                     -- cached translation to or through the page
  -- ghosts, read by properties only
  refused: status;                                                -- what a zap or teardown SEAMCALL answered that KVM does not expect
  retryBusy: boolean;
  slotPageLost: boolean;
  removedNotEmpty: boolean;

-- In the guest, or between its VP.ENTER and that: counted in REFCOUNT.
--@ source TDX module, VP.ENTER
function inside(v: vcpu): boolean;
begin
  return mode[v] = V_ENTERING | mode[v] = V_GUEST | mode[v] = V_ACCEPTING;
end;

-- mmu_lock held for read: from the freezing of an SPTE to its publication.
--@ source kvm_tdp_mmu_page_fault
function read_locked(): boolean;
begin
  return exists v: vcpu do
    mode[v] = V_TABLE_FROZEN | mode[v] = V_TABLE_ADDED | mode[v] = V_LEAF_FROZEN | mode[v] = V_LEAF_AUGED end;
end;

-- mmu_lock held for write: from job_lock to job_unlock.
--@ source kvm_gmem_invalidate_begin, kvm_handle_gfn_range, kvm_gmem_release
function write_locked(): boolean;
begin
  return step != S_IDLE & step != S_BEGUN & step != S_UNLOCKED & step != S_END;
end;

-- The S-EPT tree lock and the epoch lock, held by VP.ENTER with zero-step mitigation.
--@ source TDX module, VP.ENTER
function entry_locks_held(): boolean;
begin
  return exists v: vcpu do mode[v] = V_ENTERING end;
end;

-- The lock of an S-EPT entry, held by TDG.MEM.PAGE.ACCEPT, which takes no tree lock.
--@ source TDX module, TDG.MEM.PAGE.ACCEPT
function entry_locked(t: table; l: leaf): boolean;
begin
  return exists v: vcpu do mode[v] = V_ACCEPTING & atLeaf[v][t][l] end;
end;

-- REFCOUNT of the epoch before TD_EPOCH is not zero.
--@ source TDX module, TLB tracking
function previous_epoch_inside(): boolean;
begin
  return exists v: vcpu do inside(v) & behind[v] end;
end;

-- The module's is_tlb_tracked.
--@ source TDX module, is_tlb_tracked
function tracked(a: age): boolean;
begin
  return a = 2 | (a = 1 & (!(previous_epoch_inside())));
end;

--@ source TDX module, S-EPT entry states
function is_blocked(e: sept): boolean;
begin
  return e = BLOCKED | e = PENDING_BLOCKED;
end;

-- What TDH.MEM.RANGE.BLOCK answers for a leaf: the checks in the module's order.
--@ source TDX module, TDH.MEM.RANGE.BLOCK
function block_status(t: table; l: leaf): status;
begin
  if lifecycle != TD_KEYS_CONFIGURED then return TDX_TD_KEYS_NOT_CONFIGURED; end;
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if septTable[t] != NL_MAPPED then return TDX_EPT_WALK_FAILED; end;
  if entry_locked(t, l) then return TDX_OPERAND_BUSY; end;
  if is_blocked(septLeaf[t][l]) then return TDX_GPA_RANGE_ALREADY_BLOCKED; end;
  if septLeaf[t][l] = SEPT_FREE then return TDX_EPT_ENTRY_STATE_INCORRECT; end;
  return TDX_SUCCESS;
end;

--@ source TDX module, TDH.MEM.TRACK
function track_status(): status;
begin
  if lifecycle != TD_KEYS_CONFIGURED then return TDX_TD_KEYS_NOT_CONFIGURED; end;
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if previous_epoch_inside() then return TDX_PREVIOUS_TLB_EPOCH_BUSY; end;
  return TDX_SUCCESS;
end;

--@ source TDX module, TDH.MEM.RANGE.UNBLOCK
function unblock_status(t: table; l: leaf): status;
begin
  if lifecycle != TD_KEYS_CONFIGURED then return TDX_TD_KEYS_NOT_CONFIGURED; end;
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if septTable[t] != NL_MAPPED then return TDX_EPT_WALK_FAILED; end;
  if entry_locked(t, l) then return TDX_OPERAND_BUSY; end;
  if (!(is_blocked(septLeaf[t][l]))) then return TDX_EPT_ENTRY_STATE_INCORRECT; end;
  if opState = OP_RUNNABLE & MODULE_TRACKING & (!(tracked(blockAge[t][l]))) then return TDX_TLB_TRACKING_NOT_DONE; end;
  return TDX_SUCCESS;
end;

-- Before FINALIZE neither blocking nor tracking is asked for: no vCPU can have entered.
--@ source TDX module, TDH.MEM.PAGE.REMOVE
function remove_status(t: table; l: leaf): status;
begin
  if lifecycle != TD_KEYS_CONFIGURED then return TDX_TD_KEYS_NOT_CONFIGURED; end;
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if septTable[t] != NL_MAPPED then return TDX_EPT_WALK_FAILED; end;
  if entry_locked(t, l) then return TDX_OPERAND_BUSY; end;
  if septLeaf[t][l] = SEPT_FREE then return TDX_EPT_ENTRY_STATE_INCORRECT; end;
  if opState = OP_RUNNABLE & (!(is_blocked(septLeaf[t][l]))) then return TDX_GPA_RANGE_NOT_BLOCKED; end;
  if opState = OP_RUNNABLE & MODULE_TRACKING & (!(tracked(blockAge[t][l]))) then return TDX_TLB_TRACKING_NOT_DONE; end;
  return TDX_SUCCESS;
end;

--@ source TDX module, TDH.MEM.RANGE.BLOCK of a non-leaf entry
function block_table_status(t: table): status;
begin
  if lifecycle != TD_KEYS_CONFIGURED then return TDX_TD_KEYS_NOT_CONFIGURED; end;
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if septTable[t] = NL_BLOCKED then return TDX_GPA_RANGE_ALREADY_BLOCKED; end;
  if septTable[t] = SEPT_FREE then return TDX_EPT_ENTRY_STATE_INCORRECT; end;
  return TDX_SUCCESS;
end;

-- The scan of the 512 entries comes after the checks of blocking and tracking.
--@ source TDX module, TDH.MEM.SEPT.REMOVE
function sept_remove_status(t: table): status;
begin
  if lifecycle != TD_KEYS_CONFIGURED then return TDX_TD_KEYS_NOT_CONFIGURED; end;
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if septTable[t] = SEPT_FREE then return TDX_EPT_ENTRY_STATE_INCORRECT; end;
  if opState = OP_RUNNABLE & septTable[t] != NL_BLOCKED then return TDX_GPA_RANGE_NOT_BLOCKED; end;
  if opState = OP_RUNNABLE & MODULE_TRACKING & (!(tracked(tableAge[t]))) then return TDX_TLB_TRACKING_NOT_DONE; end;
  if MODULE_SCAN & (exists l: leaf do septLeaf[t][l] != SEPT_FREE end) then return TDX_EPT_PAGE_NOT_FREE; end;
  return TDX_SUCCESS;
end;

-- What TDH.MEM.SEPT.ADD answers for page p.
--@ source TDX module, TDH.MEM.SEPT.ADD
function sept_add_status(t: table; p: page): status;
begin
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if septTable[t] != SEPT_FREE then return TDX_EPT_ENTRY_STATE_INCORRECT; end;
  if pamt[p] != PT_NDA then return TDX_PAGE_METADATA_INCORRECT; end;
  return TDX_SUCCESS;
end;

-- What TDH.MEM.PAGE.AUG answers for page p.
--@ source TDX module, TDH.MEM.PAGE.AUG
function aug_status(t: table; l: leaf; p: page): status;
begin
  if lifecycle != TD_KEYS_CONFIGURED then return TDX_TD_KEYS_NOT_CONFIGURED; end;
  if entry_locks_held() then return TDX_OPERAND_BUSY; end;
  if septTable[t] != NL_MAPPED then return TDX_EPT_WALK_FAILED; end;
  if septLeaf[t][l] != SEPT_FREE then return TDX_EPT_ENTRY_STATE_INCORRECT; end;
  if pamt[p] != PT_NDA then return TDX_PAGE_METADATA_INCORRECT; end;
  return TDX_SUCCESS;
end;

-- The frames that the running job invalidates: faults on them are retried.
--@ source mmu_invalidate_retry_gfn; KVM_MEMSLOT_INVALID
function in_range(t: table; l: leaf): boolean;
begin
  return job = CLOSE | target[t][l] | (job = DELETE & DELETE_ALL);
end;

-- A private fault on the frame goes as far as mmu_lock and the mirror.
--@ source kvm_mmu_faultin_pfn, kvm_tdp_mmu_page_fault
function faultable(t: table; l: leaf): boolean;
begin
  return phase = P_LIVE & kvmRunnable & (!bugged) & gmemOpen & range[t][l] = R_PRIVATE & (!(write_locked())) & (job = NO_JOB | (!(in_range(t, l))));
end;

-- A KVM_TDX_INIT_MEM_REGION is between two of its steps.
--@ source kvm_gmem_populate
function populate_running(): boolean;
begin
  return exists t: table do exists l: leaf do populating[t][l] end end;
end;

-- 6.16 nr_premapped > 0
--@ source 6.16 tdx_mem_page_record_premap_cnt
function premap_left(): boolean;
begin
  return exists t: table do exists l: leaf do premapped[t][l] end end;
end;

-- slots_lock is held by TDH.MR.FINALIZE's ioctl between the module's call and KVM's state change.
--@ source tdx_td_finalize
function finalize_running(): boolean;
begin
  return phase = P_LIVE & opState = OP_RUNNABLE & (!kvmRunnable);
end;

--@ source guest_memfd
function has_page(t: table; l: leaf): boolean;
begin
  return exists p: page do gmem[t][l][p] end;
end;

-- CHLDCNT of the TDR is not zero.
--@ source TDX module, TDR
function td_has_pages(): boolean;
begin
  return lowerDirectory | upperDirectory | controlPages | (exists p: page do pamt[p] != PT_NDA end);
end;

-- KVM has been to every vCPU.
--@ source tdx_mmu_release_hkid
function flushes_done(): boolean;
begin
  return forall v: vcpu do (!associated[v]) | unflushed[v] end;
end;

-- All vCPUs in the guest touch all they can: see the abstractions.
--@ source hardware page walk
procedure guests_touch();
begin
  for v: vcpu do
    if mode[v] = V_GUEST | mode[v] = V_ACCEPTING then
      for t: table do
        for l: leaf do
          if septTable[t] = NL_MAPPED & septLeaf[t][l] = MAPPED then
            for p: page do
              if maps[t][l][p] | tablePage[t][p] then tlb[v][p] := true; end;
            end;
          end;
        end;
      end;
    end;
  end;
end;

-- A vCPU that is out and behind flushes at its next VP.ENTER, before it can use anything: its translations are dropped already.
--@ source TDX module, VP.ENTER: INVEPT when TD_EPOCH has changed
procedure drop_unusable(v: vcpu);
begin
  if behind[v] & (!(inside(v))) then
    for p: page do tlb[v][p] := false; end;
  end;
end;

-- VP.ENTER up to the guest: associate, sample the epoch (and flush, see drop_unusable).
--@ source TDX module, VP.ENTER
procedure enter(v: vcpu);
begin
  associated[v] := true;
  behind[v] := false;
end;

-- Every vCPU that was kicked has left the guest since.
--@ source kvm_make_all_cpus_request
function kick_answered(): boolean;
begin
  return forall v: vcpu do (!exitRequested[v]) end;
end;

-- kvm_make_all_cpus_request(OUTSIDE_GUEST_MODE): the sender waits for those that are in the guest now.
--@ source kvm_make_all_cpus_request
procedure kick_all();
begin
  for v: vcpu do exitRequested[v] := inside(v); end;
end;

-- The current leaf is done; the walk goes on.
--@ source tdp_mmu_zap_leafs
procedure leaf_done();
begin
  for t: table do
    currentTable[t] := false;
    for l: leaf do current[t][l] := false; end;
  end;
  step := S_WALK;
end;

-- The vCPUs have been kicked, or none had to be: the page goes next, or what a variant does instead.
--@ source tdx_sept_remove_private_spte
procedure past_kick();
begin
  step := UNBLOCK_FIRST ? S_UNBLOCK : ((FREE_FIRST & job = PUNCH) ? S_FREE : S_REMOVE);
  if ZAP_ROOT & job = DELETE then step := S_REMOVE_TABLE; end;
  if BLOCK_ONLY & job = DELETE then leaf_done(); end;
end;

--@ source kvm_gmem_invalidate_end, kvm_set_memslot
procedure job_over();
begin
  for t: table do
    for l: leaf do target[t][l] := false; end;
  end;
  job := NO_JOB;
  step := S_IDLE;
end;

-- A SEAMCALL of the zap found a lock taken: bar VP.ENTER, kick, try once more. The second time there is nobody to hold one.
--@ source tdh_do_no_vcpus, tdx_no_vcpus_enter_start
procedure zap_busy();
begin
  if waitZap then
    retryBusy := BUSY_KICK;
    refused := TDX_OPERAND_BUSY;
    waitZap := false;
    step := (step = S_TRACK) ? S_BUG_TRACK : S_BUG;
  else
    waitZap := true;
    if BUSY_KICK then kick_all(); end;
  end;
end;

--@ source tdx_sept_remove_private_spte, TDX_BUG_ON
procedure zap_refused(s: status);
begin
  refused := s;
  waitZap := false;
  step := (step = S_TRACK) ? S_BUG_TRACK : S_BUG;
end;

-------------------------------------------------------------------------------------------------------------------------------
-- Creation and initial image. KVM_TDX_INIT_MEM_REGION holds slots_lock and the file's invalidate_lock: no job runs beside it.

--@ source KVM_CREATE_VM, KVM_TDX_INIT_VM, KVM_CREATE_VCPU, KVM_TDX_INIT_VCPU
--@ operation td_create
rule "create the TD" phase = P_NONE ==>
begin
  phase := P_LIVE;
  bugged := false;
  lifecycle := TD_KEYS_CONFIGURED;
  opState := OP_INITIALIZED;
  hkidAssigned := true;
  lowerDirectory := true;
  upperDirectory := true;
  controlPages := true;
  for v: vcpu do unflushed[v] := false; end;
  gmemOpen := true;
  for t: table do
    for l: leaf do range[t][l] := R_PRIVATE; end;
  end;
end;

ruleset t: table do
  ruleset p: page do
    --@ source tdx_sept_link_private_spt
    --@ operation init_mem_link_table gfn=t pfn=p
    rule "INIT_MEM_REGION links a table"
      phase = P_LIVE & opState = OP_INITIALIZED & (!bugged) & gmemOpen & job = NO_JOB & mirrorTable[t] = NONPRESENT & free[p] & pamt[p] = PT_NDA ==>
    begin
      free[p] := false;
      tablePage[t][p] := true;
      mirrorTable[t] := PRESENT;
      septTable[t] := NL_MAPPED;
      pamt[p] := PT_EPT;
      dirty[p] := true;
    end;
  end;
end;

ruleset t: table do
  ruleset l: leaf do
    ruleset p: page do
      --@ source 6.19 kvm_gmem_populate, tdx_gmem_post_populate, tdx_mem_page_add
      --@ operation TDH.MEM.PAGE.ADD gfn=t gfn=l pfn=p
      rule "TDH.MEM.PAGE.ADD (6.19)"
        (!KVM_616) & (!SPLIT_STEPS) & phase = P_LIVE & opState = OP_INITIALIZED & (!kvmRunnable) & (!bugged) & gmemOpen & job = NO_JOB & mirrorTable[t] = PRESENT
        & range[t][l] = R_PRIVATE & mirrorLeaf[t][l] = NONPRESENT & septLeaf[t][l] = SEPT_FREE & (!(has_page(t, l))) & free[p] & pamt[p] = PT_NDA ==>
      begin
        free[p] := false;
        gmem[t][l][p] := true;
        mirrorLeaf[t][l] := PRESENT;
        septLeaf[t][l] := MAPPED;
        maps[t][l][p] := true;
        pamt[p] := PT_REG;
        dirty[p] := true;
      end;

      --@ source 6.16 tdx_gmem_post_populate, tdx_mem_page_record_premap_cnt
      --@ operation init_mem_premap gfn=t gfn=l pfn=p
      rule "INIT_MEM_REGION premaps a leaf (6.16)"
        KVM_616 & phase = P_LIVE & opState = OP_INITIALIZED & (!kvmRunnable) & (!bugged) & gmemOpen & job = NO_JOB & mirrorTable[t] = PRESENT
        & range[t][l] = R_PRIVATE & (!(populate_running()))
        & ((mirrorLeaf[t][l] = NONPRESENT & (!(has_page(t, l))) & free[p]) | (premapped[t][l] & gmem[t][l][p])) ==>
      begin
        free[p] := false;
        gmem[t][l][p] := true;
        pinned[p] := true;
        mirrorLeaf[t][l] := PRESENT;
        premapped[t][l] := true;
        populating[t][l] := true;
      end;

      --@ source 6.16 tdx_gmem_post_populate
      --@ operation TDH.MEM.PAGE.ADD gfn=t gfn=l pfn=p
      rule "TDH.MEM.PAGE.ADD (6.16)" KVM_616 & (!SPLIT_STEPS) & populating[t][l] & gmem[t][l][p] & septLeaf[t][l] = SEPT_FREE & pamt[p] = PT_NDA ==>
      begin
        septLeaf[t][l] := MAPPED;
        maps[t][l][p] := true;
        pamt[p] := PT_REG;
        dirty[p] := true;
        premapped[t][l] := false;
        populating[t][l] := false;
      end;

      --@ source 6.16 tdx_gmem_post_populate: -EBUSY, nr_premapped stays
      --@ operation TDH.MEM.PAGE.ADD gfn=t gfn=l pfn=p busy=1 returns TDX_OPERAND_BUSY
      rule "TDH.MEM.PAGE.ADD is busy (6.16)" KVM_616 & populating[t][l] & gmem[t][l][p] & septLeaf[t][l] = SEPT_FREE ==>
      begin
        populating[t][l] := false;
      end;
    end;

    --@ source tdx_gmem_post_populate
    --@ operation TDH.MR.EXTEND gfn=t gfn=l
    rule "TDH.MR.EXTEND" (!SPLIT_STEPS) & phase = P_LIVE & opState = OP_INITIALIZED & job = NO_JOB & mirrorLeaf[t][l] = PRESENT & septLeaf[t][l] = MAPPED ==>
    begin
      -- measures; nothing here depends on it
    end;

    ruleset p: page do
      --@ source 6.19 tdx_gmem_post_populate, set_external_spte_present
      --@ operation init_mem_freeze gfn=t gfn=l pfn=p
      rule "INIT_MEM_REGION freezes a leaf entry (6.19)"
        SPLIT_STEPS & (!KVM_616) & phase = P_LIVE & opState = OP_INITIALIZED & (!bugged) & gmemOpen & job = NO_JOB & mirrorTable[t] = PRESENT
        & (!(populate_running())) & range[t][l] = R_PRIVATE & mirrorLeaf[t][l] = NONPRESENT & (!(has_page(t, l))) & free[p] ==>
      begin
        free[p] := false;
        gmem[t][l][p] := true;
        mirrorLeaf[t][l] := FROZEN;
        populating[t][l] := true;
      end;

      --@ source tdx_mem_page_add, tdx_gmem_post_populate
      --@ operation page_add_module gfn=t gfn=l pfn=p
      rule "the module's PAGE.ADD" SPLIT_STEPS & populating[t][l] & gmem[t][l][p] & septLeaf[t][l] = SEPT_FREE & pamt[p] = PT_NDA ==>
      begin
        septLeaf[t][l] := MAPPED;
        maps[t][l][p] := true;
        pamt[p] := PT_REG;
        dirty[p] := true;
      end;
    end;

    --@ source tdx_gmem_post_populate
    --@ operation mr_extend_module gfn=t gfn=l
    rule "the module's MR.EXTEND" SPLIT_STEPS & populating[t][l] & septLeaf[t][l] = MAPPED ==>
    begin
      -- measures
    end;

    --@ source __tdp_mmu_set_spte_atomic; 6.16 tdx_gmem_post_populate
    --@ operation init_mem_publish gfn=t gfn=l
    rule "INIT_MEM_REGION publishes the leaf" SPLIT_STEPS & populating[t][l] & septLeaf[t][l] = MAPPED ==>
    begin
      mirrorLeaf[t][l] := PRESENT;
      premapped[t][l] := false;
      populating[t][l] := false;
    end;
  end;
end;

-- Takes slots_lock, hence no DELETE, CONVERT, CLOSE; but neither the invalidate_lock nor mmu_lock, hence a punch.
--@ source tdx_td_finalize
--@ operation TDH.MR.FINALIZE
rule "TDH.MR.FINALIZE"
  (!SPLIT_STEPS) & phase = P_LIVE & opState = OP_INITIALIZED & (!kvmRunnable) & (!bugged) & (job = NO_JOB | (job = PUNCH & (FINALIZE_IN_PUNCH | (!(write_locked())))))
  & (!(premap_left())) & (!(populate_running())) ==>
begin
  opState := OP_RUNNABLE;
  kvmRunnable := true;
end;

--@ source tdx_td_finalize: TDH.MR.FINALIZE
--@ operation mr_finalize_module
rule "the module's MR.FINALIZE"
  SPLIT_STEPS & phase = P_LIVE & opState = OP_INITIALIZED & (!bugged) & (job = NO_JOB | (job = PUNCH & (FINALIZE_IN_PUNCH | (!(write_locked())))))
  & (!(premap_left())) & (!(populate_running())) ==>
begin
  opState := OP_RUNNABLE;
end;

--@ source tdx_td_finalize: kvm_tdx->state
--@ operation mr_finalize_kvm
rule "KVM's state change of FINALIZE" SPLIT_STEPS & finalize_running() ==>
begin
  kvmRunnable := true;
end;

-------------------------------------------------------------------------------------------------------------------------------
-- vCPUs: guest, ACCEPT, and the fault path under mmu_lock for read.

ruleset v: vcpu do
  --@ source tdx_vcpu_run; TDX module, VP.ENTER
  --@ operation TDH.VP.ENTER vcpu=v ; guest_touch_all
  rule "TDH.VP.ENTER" mode[v] = V_OUT & phase = P_LIVE & kvmRunnable & (!bugged) & (!(waitZap & BUSY_KICK & ENTRY_BARRED)) ==>
  begin
    enter(v);
    mode[v] := V_GUEST;
    guests_touch();
  end;

  --@ source tdx_vcpu_run; TDX module, VP.ENTER with zero-step mitigation
  --@ operation vp_enter_begin vcpu=v
  rule "TDH.VP.ENTER with zero-step mitigation begins"
    mode[v] = V_OUT & phase = P_LIVE & kvmRunnable & (!bugged) & (!(waitZap & BUSY_KICK & ENTRY_BARRED)) & (!(entry_locks_held())) ==>
  begin
    enter(v);
    mode[v] := V_ENTERING;
  end;

  --@ source TDX module, VP.ENTER
  --@ operation vp_enter_end vcpu=v ; guest_touch_all
  rule "TDH.VP.ENTER with zero-step mitigation ends" mode[v] = V_ENTERING ==>
  begin
    mode[v] := V_GUEST;
    guests_touch();
  end;

  --@ source TDX module, TD exit: REFCOUNT goes down, nothing is flushed
  --@ operation vcpu_exit vcpu=v
  rule "TD exit" mode[v] = V_GUEST ==>
  begin
    mode[v] := V_OUT;
    exitRequested[v] := false;
    drop_unusable(v);
  end;

  ruleset t: table do
    ruleset l: leaf do
      --@ source TDX module, TDG.MEM.PAGE.ACCEPT
      --@ operation accept_begin vcpu=v gfn=t gfn=l
      rule "TDG.MEM.PAGE.ACCEPT locks the entry"
        mode[v] = V_GUEST & septTable[t] = NL_MAPPED & septLeaf[t][l] = PENDING & (!(entry_locked(t, l))) ==>
      begin
        mode[v] := V_ACCEPTING;
        atLeaf[v][t][l] := true;
      end;

      --@ source TDX module, TDG.MEM.PAGE.ACCEPT: it zeroes the page, which PAGE.AUG had left alone
      --@ operation accept_end vcpu=v gfn=t gfn=l ; guest_touch_all
      rule "TDG.MEM.PAGE.ACCEPT ends" mode[v] = V_ACCEPTING & atLeaf[v][t][l] ==>
      begin
        septLeaf[t][l] := MAPPED;
        for p: page do
          if maps[t][l][p] then dirty[p] := true; end;
        end;
        mode[v] := V_GUEST;
        atLeaf[v][t][l] := false;
        guests_touch();
      end;
    end;

    ruleset p: page do
      --@ source kvm_tdp_mmu_map, tdp_mmu_link_sp, set_external_spte_present
      --@ operation fault_freeze_table vcpu=v gfn=t pfn=p
      rule "fault freezes a table entry"
        mode[v] = V_OUT & (exists l: leaf do faultable(t, l) end) & mirrorTable[t] = NONPRESENT & free[p] ==>
      begin
        mode[v] := V_TABLE_FROZEN;
        atTable[v][t] := true;
        free[p] := false;
        tablePage[t][p] := true;
        mirrorTable[t] := FROZEN;
      end;

      --@ source tdx_sept_link_private_spt
      --@ operation TDH.MEM.SEPT.ADD vcpu=v gfn=t
      rule "TDH.MEM.SEPT.ADD" mode[v] = V_TABLE_FROZEN & atTable[v][t] & tablePage[t][p] & sept_add_status(t, p) = TDX_SUCCESS ==>
      begin
        mode[v] := V_TABLE_ADDED;
        septTable[t] := NL_MAPPED;
        pamt[p] := PT_EPT;
        dirty[p] := true;
      end;

      --@ source tdx_sept_link_private_spt: -EBUSY, else KVM_BUG_ON and -EIO; tdp_mmu_free_sp
      --@ operation TDH.MEM.SEPT.ADD vcpu=v gfn=t returns TDX_OPERAND_BUSY|TDX_EPT_ENTRY_STATE_INCORRECT|TDX_PAGE_METADATA_INCORRECT
      rule "TDH.MEM.SEPT.ADD is busy or refused"
        mode[v] = V_TABLE_FROZEN & atTable[v][t] & tablePage[t][p] & sept_add_status(t, p) != TDX_SUCCESS ==>
      begin
        mode[v] := (sept_add_status(t, p) = TDX_OPERAND_BUSY) ? V_OUT : V_REFUSED;
        atTable[v][t] := false;
        free[p] := true;
        tablePage[t][p] := false;
        mirrorTable[t] := NONPRESENT;
      end;
    end;

    --@ source __tdp_mmu_set_spte_atomic
    --@ operation fault_publish_table vcpu=v gfn=t
    rule "fault publishes the table entry" mode[v] = V_TABLE_ADDED & atTable[v][t] ==>
    begin
      mode[v] := V_OUT;
      atTable[v][t] := false;
      mirrorTable[t] := PRESENT;
    end;

    ruleset l: leaf do
      ruleset p: page do
        --@ source kvm_gmem_get_pfn, tdp_mmu_map_handle_target_level, set_external_spte_present
        --@ operation fault_freeze_leaf vcpu=v gfn=t gfn=l pfn=p
        rule "fault freezes a leaf entry"
          mode[v] = V_OUT & faultable(t, l) & mirrorTable[t] = PRESENT & mirrorLeaf[t][l] = NONPRESENT
          & (gmem[t][l][p] | ((!(has_page(t, l))) & free[p])) ==>
        begin
          mode[v] := V_LEAF_FROZEN;
          atLeaf[v][t][l] := true;
          free[p] := false;
          gmem[t][l][p] := true;
          pinned[p] := KVM_616;
          mirrorLeaf[t][l] := FROZEN;
        end;

        --@ source tdx_mem_page_aug
        --@ operation TDH.MEM.PAGE.AUG vcpu=v gfn=t gfn=l
        rule "TDH.MEM.PAGE.AUG" mode[v] = V_LEAF_FROZEN & atLeaf[v][t][l] & gmem[t][l][p] & aug_status(t, l, p) = TDX_SUCCESS ==>
        begin
          mode[v] := V_LEAF_AUGED;
          septLeaf[t][l] := PENDING;
          maps[t][l][p] := true;
          pamt[p] := PT_REG;
        end;

        --@ source tdx_mem_page_aug: -EBUSY
        --@ operation TDH.MEM.PAGE.AUG vcpu=v gfn=t gfn=l returns TDX_OPERAND_BUSY
        rule "TDH.MEM.PAGE.AUG is busy" mode[v] = V_LEAF_FROZEN & atLeaf[v][t][l] & gmem[t][l][p] & aug_status(t, l, p) = TDX_OPERAND_BUSY ==>
        begin
          mode[v] := V_OUT;
          atLeaf[v][t][l] := false;
          pinned[p] := false;
          mirrorLeaf[t][l] := NONPRESENT;
        end;

        --@ source tdx_mem_page_aug: -EIO
        --@ operation TDH.MEM.PAGE.AUG vcpu=v gfn=t gfn=l returns TDX_TD_KEYS_NOT_CONFIGURED|TDX_EPT_WALK_FAILED|TDX_EPT_ENTRY_STATE_INCORRECT|TDX_PAGE_METADATA_INCORRECT
        rule "TDH.MEM.PAGE.AUG is refused"
          mode[v] = V_LEAF_FROZEN & atLeaf[v][t][l] & gmem[t][l][p] & aug_status(t, l, p) != TDX_SUCCESS & aug_status(t, l, p) != TDX_OPERAND_BUSY ==>
        begin
          mode[v] := V_REFUSED;
          atLeaf[v][t][l] := false;
          pinned[p] := false;
          mirrorLeaf[t][l] := NONPRESENT;
        end;
      end;

      --@ source __tdp_mmu_set_spte_atomic
      --@ operation fault_publish_leaf vcpu=v gfn=t gfn=l
      rule "fault publishes the leaf entry" mode[v] = V_LEAF_AUGED & atLeaf[v][t][l] ==>
      begin
        mode[v] := V_OUT;
        atLeaf[v][t][l] := false;
        mirrorLeaf[t][l] := PRESENT;
      end;
    end;
  end;

  --@ source tdx_mem_page_aug, TDX_BUG_ON
  --@ operation kvm_bug_on vcpu=v returns KVM_BUG_ON
  rule "KVM_BUG_ON in the fault path" mode[v] = V_REFUSED ==>
  begin
    mode[v] := V_OUT;
    bugged := true;
    kick_all();
  end;
end;

-------------------------------------------------------------------------------------------------------------------------------
-- Jobs. PUNCH holds the file's invalidate_lock; DELETE and CONVERT hold slots_lock; CLOSE holds both.

ruleset t: table do
  ruleset l: leaf do
    --@ source kvm_gmem_punch_hole
    --@ operation punch_begin gfn=t gfn=l
    rule "hole punch begins"
      phase = P_LIVE & gmemOpen & job = NO_JOB & has_page(t, l) & (!(populate_running())) ==>
    begin
      job := PUNCH;
      step := S_BEGUN;
      target[t][l] := true;
    end;

    --@ source kvm_set_memslot, kvm_swap_active_memslots
    --@ operation delete_begin gfn=t gfn=l
    -- A zap from the root is asked of the live TD only: before FINALIZE the module needs no block and no TRACK.
    rule "memslot deletion begins"
      phase = P_LIVE & (!bugged) & job = NO_JOB & range[t][l] = R_PRIVATE & (!(populate_running())) & (!(finalize_running()))
        & ((!ZAP_ROOT) | ZAP_ROOT_BLOCK | kvmRunnable) ==>
    begin
      job := DELETE;
      step := S_BEGUN;
      target[t][l] := true;
      range[t][l] := R_INVALID;
    end;

    --@ source kvm_vm_set_mem_attributes
    --@ operation convert_begin gfn=t gfn=l
    rule "conversion to shared begins"
      phase = P_LIVE & (!bugged) & job = NO_JOB & range[t][l] = R_PRIVATE & (!(populate_running())) & (!(finalize_running())) ==>
    begin
      job := CONVERT;
      step := S_BEGUN;
      target[t][l] := true;
    end;

    --@ source kvm_vm_set_mem_attributes: unmaps shared memory only
    --@ operation convert_to_private gfn=t gfn=l
    rule "conversion to private" phase = P_LIVE & (!bugged) & job = NO_JOB & range[t][l] = R_SHARED & (!(finalize_running())) ==>
    begin
      range[t][l] := R_PRIVATE;
    end;

    --@ source KVM_SET_USER_MEMORY_REGION2
    --@ operation slot_create gfn=t gfn=l
    rule "memslot creation" phase = P_LIVE & (!bugged) & gmemOpen & job = NO_JOB & range[t][l] = R_NONE & (!(finalize_running())) ==>
    begin
      range[t][l] := R_PRIVATE;
    end;
  end;
end;

--@ source kvm_gmem_release
--@ operation close_begin
rule "close of guest_memfd begins"
  (phase = P_LIVE | (HKID_FIRST & phase = P_RECLAIM)) & gmemOpen & job = NO_JOB
  & (!(populate_running())) & (!(finalize_running())) ==>
begin
  job := CLOSE;
  step := S_BEGUN;
end;

-- Excludes the faults: they hold mmu_lock for read (and SRCU, which a deletion waits for).
--@ source kvm_mmu_invalidate_begin
--@ operation job_lock
rule "the zap takes mmu_lock" step = S_BEGUN & (!(read_locked())) ==>
begin
  step := S_WALK;
end;

ruleset t: table do
  ruleset l: leaf do
    --@ source tdp_mmu_zap_leafs, tdp_mmu_set_spte
    --@ operation zap_leaf gfn=t gfn=l
    rule "zap clears the mirror leaf"
      step = S_WALK & kick_answered() & (!(ZAP_ROOT & job = DELETE)) & in_range(t, l) & mirrorLeaf[t][l] = PRESENT & (!ZAP_SHARED) & (hkidAssigned | (!ASSERT_HKID)) ==>
    begin
      mirrorLeaf[t][l] := NONPRESENT;
      current[t][l] := true;
      step := TRACK_FIRST ? S_TRACK : S_BLOCK;
    end;

    --@ source tdx_sept_remove_private_spte: the mirror is cleared already
    --@ operation zap_leaf gfn=t gfn=l returns KVM_BUG_ON
    rule "zap without HKID hits KVM_BUG_ON"
      step = S_WALK & kick_answered() & in_range(t, l) & mirrorLeaf[t][l] = PRESENT & (!ZAP_SHARED) & (!hkidAssigned) & ASSERT_HKID ==>
    begin
      bugged := true;
      kick_all();
      mirrorLeaf[t][l] := NONPRESENT;
    end;

    --@ source __tdp_mmu_set_spte_atomic: -EBUSY before anything is written
    --@ operation zap_leaf gfn=t gfn=l returns KVM_BUG_ON
    rule "zap under the shared lock hits KVM_BUG_ON"
      step = S_WALK & kick_answered() & in_range(t, l) & mirrorLeaf[t][l] = PRESENT & ZAP_SHARED ==>
    begin
      bugged := true;
      kick_all();
    end;

    --@ source tdx_sept_zap_private_spte
    --@ operation TDH.MEM.RANGE.BLOCK gfn=t gfn=l level=0
    rule "TDH.MEM.RANGE.BLOCK"
      step = S_BLOCK & current[t][l] & kick_answered() & block_status(t, l) = TDX_SUCCESS ==>
    begin
      septLeaf[t][l] := (septLeaf[t][l] = MAPPED) ? BLOCKED : PENDING_BLOCKED;
      blockAge[t][l] := 0;
      waitZap := false;
      step := (TRACK_FIRST | (!DO_TRACK)) ? S_KICK : S_TRACK;
    end;

    --@ source tdx_sept_zap_private_spte, tdh_do_no_vcpus
    --@ operation TDH.MEM.RANGE.BLOCK gfn=t gfn=l level=0 returns TDX_OPERAND_BUSY
    rule "TDH.MEM.RANGE.BLOCK is busy"
      step = S_BLOCK & current[t][l] & kick_answered() & block_status(t, l) = TDX_OPERAND_BUSY ==>
    begin
      zap_busy();
    end;

    --@ source 6.16 tdx_is_sept_zap_err_due_to_premap
    --@ operation TDH.MEM.RANGE.BLOCK gfn=t gfn=l level=0 returns TDX_EPT_ENTRY_STATE_INCORRECT
    rule "TDH.MEM.RANGE.BLOCK of a premapped leaf (6.16)"
      step = S_BLOCK & current[t][l] & kick_answered() & block_status(t, l) = TDX_EPT_ENTRY_STATE_INCORRECT
      & (!kvmRunnable) & premap_left() ==>
    begin
      premapped[t][l] := false;
      for p: page do
        if gmem[t][l][p] then pinned[p] := false; end;
      end;
      waitZap := false;
      leaf_done();
    end;

    --@ source tdx_sept_zap_private_spte, TDX_BUG_ON
    --@ operation TDH.MEM.RANGE.BLOCK gfn=t gfn=l level=0 returns TDX_TD_KEYS_NOT_CONFIGURED|TDX_EPT_WALK_FAILED|TDX_EPT_ENTRY_STATE_INCORRECT|TDX_GPA_RANGE_ALREADY_BLOCKED
    rule "TDH.MEM.RANGE.BLOCK is refused"
      step = S_BLOCK & current[t][l] & kick_answered() & block_status(t, l) != TDX_SUCCESS & block_status(t, l) != TDX_OPERAND_BUSY
      & (!(block_status(t, l) = TDX_EPT_ENTRY_STATE_INCORRECT & (!kvmRunnable) & premap_left())) ==>
    begin
      zap_refused(block_status(t, l));
    end;
  end;
end;

--@ source tdx_track
--@ operation TDH.MEM.TRACK
rule "TDH.MEM.TRACK" step = S_TRACK & kvmRunnable & kick_answered() & track_status() = TDX_SUCCESS ==>
begin
  for v: vcpu do
    behind[v] := true;
    drop_unusable(v);
  end;
  for t: table do
    if tableAge[t] < 2 then tableAge[t] := tableAge[t] + 1; end;
    for l: leaf do
      if blockAge[t][l] < 2 then blockAge[t][l] := blockAge[t][l] + 1; end;
    end;
  end;
  waitZap := false;
  step := TRACK_FIRST ? S_BLOCK : (DO_KICK ? S_KICK : S_REMOVE);
end;

--@ source tdx_track, tdh_do_no_vcpus
--@ operation TDH.MEM.TRACK returns TDX_OPERAND_BUSY
rule "TDH.MEM.TRACK is busy" step = S_TRACK & kvmRunnable & kick_answered() & track_status() = TDX_OPERAND_BUSY ==>
begin
  zap_busy();
end;

--@ source tdx_track, TDX_BUG_ON
--@ operation TDH.MEM.TRACK returns TDX_PREVIOUS_TLB_EPOCH_BUSY|TDX_TD_KEYS_NOT_CONFIGURED
rule "TDH.MEM.TRACK is refused"
  step = S_TRACK & kvmRunnable & kick_answered() & track_status() != TDX_SUCCESS & track_status() != TDX_OPERAND_BUSY ==>
begin
  zap_refused(track_status());
end;

-- The kick is left out with it: no vCPU has been in the guest, as KVM sees it.
--@ source tdx_track: returns before the TD is runnable
--@ operation track_skipped
rule "TRACK is skipped before the TD is runnable" step = S_TRACK & (!kvmRunnable) ==>
begin
  if TRACK_FIRST then step := S_BLOCK; else past_kick(); end;
end;

--@ source tdx_track
--@ operation kick
rule "kick all vCPUs" step = S_KICK & kick_answered() ==>
begin
  kick_all();
  past_kick();
end;

-- [ZAP_ROOT] What a root-level zap would have to do: no KVM has these steps for a mirror page table.
ruleset t: table do
  --@ source tdp_mmu_zap_root, handle_removed_pt
  --@ operation zap_table gfn=t
  rule "zap clears the mirror table entry"
    ZAP_ROOT & job = DELETE & step = S_WALK & kick_answered() & mirrorTable[t] = PRESENT & (exists l: leaf do in_range(t, l) & mirrorLeaf[t][l] = PRESENT end) ==>
  begin
    mirrorTable[t] := NONPRESENT;
    for l: leaf do mirrorLeaf[t][l] := NONPRESENT; end;
    currentTable[t] := true;
    step := ZAP_ROOT_BLOCK ? S_BLOCK_TABLE : S_REMOVE_TABLE;
  end;

  --@ source TDX module, TDH.MEM.RANGE.BLOCK
  --@ operation TDH.MEM.RANGE.BLOCK gfn=t level=1
  rule "TDH.MEM.RANGE.BLOCK of a table" step = S_BLOCK_TABLE & currentTable[t] & kick_answered() & block_table_status(t) = TDX_SUCCESS ==>
  begin
    septTable[t] := NL_BLOCKED;
    tableAge[t] := 0;
    waitZap := false;
    step := S_TRACK;
  end;

  --@ source TDX module, TDH.MEM.RANGE.BLOCK
  --@ operation TDH.MEM.RANGE.BLOCK gfn=t level=1 returns TDX_OPERAND_BUSY
  rule "TDH.MEM.RANGE.BLOCK of a table is busy" step = S_BLOCK_TABLE & currentTable[t] & kick_answered() & block_table_status(t) = TDX_OPERAND_BUSY ==>
  begin
    zap_busy();
  end;

  --@ source TDX module, TDH.MEM.SEPT.REMOVE
  --@ operation TDH.MEM.SEPT.REMOVE gfn=t level=1
  rule "TDH.MEM.SEPT.REMOVE" step = S_REMOVE_TABLE & currentTable[t] & kick_answered() & sept_remove_status(t) = TDX_SUCCESS ==>
  begin
    septTable[t] := SEPT_FREE;
    tableAge[t] := 2;
    for p: page do
      if tablePage[t][p] then
        tablePage[t][p] := false;
        pamt[p] := PT_NDA;
        dirty[p] := false;
        free[p] := true;
      end;
    end;
    removedNotEmpty := removedNotEmpty | (exists l: leaf do septLeaf[t][l] != SEPT_FREE end);
    waitZap := false;
    leaf_done();
  end;

  --@ source TDX module, TDH.MEM.SEPT.REMOVE
  --@ operation TDH.MEM.SEPT.REMOVE gfn=t level=1 returns TDX_OPERAND_BUSY
  rule "TDH.MEM.SEPT.REMOVE is busy" step = S_REMOVE_TABLE & currentTable[t] & kick_answered() & sept_remove_status(t) = TDX_OPERAND_BUSY ==>
  begin
    zap_busy();
  end;

  --@ source TDX module, TDH.MEM.SEPT.REMOVE
  --@ operation TDH.MEM.SEPT.REMOVE gfn=t level=1 returns TDX_GPA_RANGE_NOT_BLOCKED|TDX_TLB_TRACKING_NOT_DONE|TDX_EPT_PAGE_NOT_FREE
  rule "TDH.MEM.SEPT.REMOVE is refused"
    step = S_REMOVE_TABLE & currentTable[t] & kick_answered() & sept_remove_status(t) != TDX_SUCCESS & sept_remove_status(t) != TDX_OPERAND_BUSY ==>
  begin
    zap_refused(sept_remove_status(t));
  end;
end;

ruleset t: table do
  ruleset l: leaf do
    --@ source TDX module, TDH.MEM.RANGE.UNBLOCK (no KVM has this step)
    --@ operation TDH.MEM.RANGE.UNBLOCK gfn=t gfn=l level=0 ; guest_touch_all
    rule "TDH.MEM.RANGE.UNBLOCK"
      step = S_UNBLOCK & current[t][l] & kick_answered() & unblock_status(t, l) = TDX_SUCCESS ==>
    begin
      septLeaf[t][l] := (septLeaf[t][l] = BLOCKED) ? MAPPED : PENDING;
      blockAge[t][l] := 2;
      waitZap := false;
      step := S_REMOVE;
      guests_touch();
    end;

    --@ source TDX module, TDH.MEM.RANGE.UNBLOCK
    --@ operation TDH.MEM.RANGE.UNBLOCK gfn=t gfn=l level=0 returns TDX_OPERAND_BUSY
    rule "TDH.MEM.RANGE.UNBLOCK is busy"
      step = S_UNBLOCK & current[t][l] & kick_answered() & unblock_status(t, l) = TDX_OPERAND_BUSY ==>
    begin
      zap_busy();
    end;

    --@ source no KVM has this step
    --@ operation free_early gfn=t gfn=l
    rule "the page is freed before PAGE.REMOVE" step = S_FREE & current[t][l] & kick_answered() ==>
    begin
      for p: page do
        if gmem[t][l][p] then
          gmem[t][l][p] := false;
          free[p] := true;
        end;
      end;
      step := S_REMOVE;
    end;

    --@ source tdx_sept_drop_private_spte
    --@ operation TDH.MEM.PAGE.REMOVE gfn=t gfn=l level=0
    rule "TDH.MEM.PAGE.REMOVE"
      step = S_REMOVE & current[t][l] & kick_answered() & remove_status(t, l) = TDX_SUCCESS ==>
    begin
      septLeaf[t][l] := SEPT_FREE;
      blockAge[t][l] := 2;
      for p: page do
        if maps[t][l][p] then
          maps[t][l][p] := false;
          pamt[p] := PT_NDA;
        end;
      end;
      if job = DELETE & (!target[t][l]) then slotPageLost := true; end;
      waitZap := false;
      step := S_WBINVD;
    end;

    --@ source tdx_sept_drop_private_spte, tdh_do_no_vcpus
    --@ operation TDH.MEM.PAGE.REMOVE gfn=t gfn=l level=0 returns TDX_OPERAND_BUSY
    rule "TDH.MEM.PAGE.REMOVE is busy"
      step = S_REMOVE & current[t][l] & kick_answered() & remove_status(t, l) = TDX_OPERAND_BUSY ==>
    begin
      zap_busy();
    end;

    --@ source tdx_sept_drop_private_spte, TDX_BUG_ON
    --@ operation TDH.MEM.PAGE.REMOVE gfn=t gfn=l level=0 returns TDX_TD_KEYS_NOT_CONFIGURED|TDX_EPT_WALK_FAILED|TDX_EPT_ENTRY_STATE_INCORRECT|TDX_GPA_RANGE_NOT_BLOCKED|TDX_TLB_TRACKING_NOT_DONE
    rule "TDH.MEM.PAGE.REMOVE is refused"
      step = S_REMOVE & current[t][l] & kick_answered()
      & remove_status(t, l) != TDX_SUCCESS & remove_status(t, l) != TDX_OPERAND_BUSY ==>
    begin
      zap_refused(remove_status(t, l));
    end;

    --@ source tdx_sept_drop_private_spte: TDH.PHYMEM.PAGE.WBINVD, tdx_clear_page, put_page [6.16]
    --@ operation TDH.PHYMEM.PAGE.WBINVD gfn=t gfn=l
    rule "TDH.PHYMEM.PAGE.WBINVD" step = S_WBINVD & current[t][l] ==>
    begin
      for p: page do
        if gmem[t][l][p] then
          dirty[p] := false;
          pinned[p] := false;
        end;
      end;
      leaf_done();
    end;
  end;
end;

-- The page of the leaf, its pin included, stays where it is: in 6.16 leaked for good, in 6.19 the file's.
--@ source KVM_BUG_ON
--@ operation kvm_bug_on returns KVM_BUG_ON
rule "KVM_BUG_ON in the zap" step = S_BUG ==>
begin
  bugged := true;
  refused := TDX_SUCCESS;
  kick_all();
  leaf_done();
end;

--@ source tdx_track: KVM_BUG_ON without return
--@ operation kvm_bug_on returns KVM_BUG_ON
rule "KVM_BUG_ON after TRACK" step = S_BUG_TRACK ==>
begin
  bugged := true;
  refused := TDX_SUCCESS;
  kick_all();
  step := S_KICK;
end;

--@ source kvm_gmem_invalidate_begin
--@ operation job_unlock
rule "mmu_lock dropped" step = S_WALK & kick_answered() & (forall t: table do forall l: leaf do (!(in_range(t, l) & mirrorLeaf[t][l] = PRESENT)) end end) ==>
begin
  step := S_UNLOCKED;
end;

ruleset t: table do
  ruleset l: leaf do
    --@ source truncate_inode_pages_range
    --@ operation punch_truncate gfn=t gfn=l
    rule "hole punch frees the page" job = PUNCH & step = S_UNLOCKED & target[t][l] ==>
    begin
      for p: page do
        if gmem[t][l][p] then
          gmem[t][l][p] := false;
          free[p] := (!pinned[p]);
        end;
      end;
      step := S_END;
    end;

    --@ source kvm_vm_set_mem_attributes: xa_store
    --@ operation convert_store gfn=t gfn=l
    rule "conversion stores the attribute" job = CONVERT & step = S_UNLOCKED & target[t][l] ==>
    begin
      range[t][l] := R_SHARED;
      step := S_END;
    end;

    --@ source kvm_delete_memslot, kvm_gmem_unbind
    --@ operation delete_finish gfn=t gfn=l
    rule "memslot deletion ends" job = DELETE & step = S_UNLOCKED & target[t][l] ==>
    begin
      range[t][l] := R_NONE;
      job_over();
    end;
  end;
end;

--@ source kvm_mmu_invalidate_end
--@ operation invalidate_end
rule "invalidation ends" step = S_END ==>
begin
  job_over();
end;

--@ source kvm_gmem_release, evict of the inode
--@ operation close_truncate
rule "close frees the file's pages" job = CLOSE & step = S_UNLOCKED ==>
begin
  for t: table do
    for l: leaf do
      for p: page do
        if gmem[t][l][p] then
          gmem[t][l][p] := false;
          free[p] := (!pinned[p]);
        end;
      end;
    end;
  end;
  gmemOpen := false;
  job_over();
end;

-------------------------------------------------------------------------------------------------------------------------------
-- Destruction. guest_memfd holds a reference on the VM: it is closed before, so every private leaf is gone by now.

--@ source kvm_put_kvm, kvm_destroy_vm
--@ operation vm_release
rule "last reference to the VM dropped"
  phase = P_LIVE & job = NO_JOB & ((!gmemOpen) | HKID_FIRST) & (forall v: vcpu do mode[v] = V_OUT end)
  & (!(populate_running())) & (!(finalize_running())) ==>
begin
  phase := P_FLUSH;
end;

ruleset v: vcpu do
  --@ source tdx_flush_vp_on_cpu
  --@ operation TDH.VP.FLUSH vcpu=v
  rule "TDH.VP.FLUSH" phase = P_FLUSH & associated[v] & (!unflushed[v]) ==>
  begin
    associated[v] := false;
    behind[v] := true;
    for p: page do tlb[v][p] := false; end;
  end;

  --@ source tdx_flush_vp: TDX_VCPU_NOT_ASSOCIATED is benign
  --@ operation TDH.VP.FLUSH vcpu=v returns TDX_VCPU_NOT_ASSOCIATED
  rule "TDH.VP.FLUSH of a vCPU that is not associated" phase = P_FLUSH & (!associated[v]) & (!unflushed[v]) ==>
  begin
    -- nothing to flush
  end;
end;

--@ source tdx_mmu_release_hkid
--@ operation TDH.MNG.VPFLUSHDONE
rule "TDH.MNG.VPFLUSHDONE" phase = P_FLUSH & (forall v: vcpu do (!associated[v]) end) ==>
begin
  lifecycle := TD_BLOCKED;
  for k: package do cachePending[k] := true; end;
  phase := P_CACHE_WB;
end;

ruleset k: package do
  --@ source smp_func_do_phymem_cache_wb
  --@ operation TDH.PHYMEM.CACHE.WB package=k
  rule "TDH.PHYMEM.CACHE.WB" phase = P_CACHE_WB & cachePending[k] & (!cacheFailed[k]) ==>
  begin
    cachePending[k] := false;
    cacheInterrupted[k] := false;
    if forall m: package do (!cachePending[m]) end then
      for p: page do dirty[p] := false; end;
    end;
  end;

  --@ source smp_func_do_phymem_cache_wb: TDX_INTERRUPTED_RESUMABLE
  --@ operation TDH.PHYMEM.CACHE.WB package=k interrupt=1 returns TDX_INTERRUPTED_RESUMABLE
  rule "TDH.PHYMEM.CACHE.WB is interrupted" phase = P_CACHE_WB & cachePending[k] & (!cacheInterrupted[k]) & (!cacheFailed[k]) ==>
  begin
    cacheInterrupted[k] := true;
  end;
end;

--@ source tdx_mmu_release_hkid
--@ operation TDH.MNG.KEY.FREEID
rule "TDH.MNG.KEY.FREEID" phase = P_CACHE_WB & (forall k: package do (!cachePending[k]) end) ==>
begin
  lifecycle := TD_TEARDOWN;
  opState := OP_NONE;
  kvmRunnable := false;
  hkidAssigned := false;
  phase := P_RECLAIM;
end;

ruleset t: table do
  --@ source handle_removed_pt, tdx_sept_free_private_spt
  --@ operation reclaim_table gfn=t
  rule "a table's page is reclaimed and freed"
    phase = P_RECLAIM & (!gmemOpen) & job = NO_JOB & mirrorTable[t] = PRESENT & (forall l: leaf do mirrorLeaf[t][l] != PRESENT end) ==>
  begin
    mirrorTable[t] := NONPRESENT;
    septTable[t] := SEPT_FREE;
    for p: page do
      if tablePage[t][p] then
        tablePage[t][p] := false;
        pamt[p] := PT_NDA;
        free[p] := true;
      end;
    end;
  end;
end;

--@ source kvm_mmu_uninit_tdp_mmu
--@ operation reclaim_directory
rule "the directory is reclaimed" phase = P_RECLAIM & (!gmemOpen) & job = NO_JOB & (forall t: table do mirrorTable[t] = NONPRESENT end) ==>
begin
  lowerDirectory := false;
  upperDirectory := false;
  phase := P_TDCS;
end;

--@ source tdx_vm_destroy, tdx_reclaim_td_control_pages
--@ operation reclaim_tdcs
rule "TDCS and TDVPR pages are reclaimed" phase = P_TDCS ==>
begin
  controlPages := false;
  phase := P_TDR;
end;

--@ source tdx_reclaim_td_control_pages
--@ operation reclaim_tdr
rule "the TDR is reclaimed" (phase = P_TDR | (TDR_FIRST & phase = P_RECLAIM)) & ((!MODULE_CHILDREN) | (!(td_has_pages()))) ==>
begin
  lifecycle := TD_NONE;
  phase := P_TDR_WBINVD;
end;

-- The TDR and what the TD still owns are leaked.
--@ source tdx_reclaim_td_control_pages
--@ operation reclaim_tdr returns TDX_TD_ASSOCIATED_PAGES_EXIST
rule "the TDR's reclaim is refused" (phase = P_TDR | (TDR_FIRST & phase = P_RECLAIM)) & MODULE_CHILDREN & td_has_pages() ==>
begin
  refused := TDX_TD_ASSOCIATED_PAGES_EXIST;
  phase := P_LEAKED;
end;

--@ source tdx_reclaim_td_control_pages: TDH.PHYMEM.PAGE.WBINVD of the TDR with the global HKID
--@ operation wbinvd_tdr
rule "the TDR's cache lines are written back" phase = P_TDR_WBINVD ==>
begin
  phase := P_NONE;
  for t: table do
    for l: leaf do range[t][l] := R_NONE; end;
  end;
end;

-------------------------------------------------------------------------------------------------------------------------------
-- [HARD_FAILURE] Any SEAMCALL of a zap or of the teardown fails for good. What KVM makes of it is the same in 6.16 and 6.19: an
-- assertion (the zap's calls, VP.FLUSH, VPFLUSHDONE, KEY.FREEID, the TDR's WBINVD), or a warning and a leaked page (CACHE.WB,
-- RECLAIM). The forms differ in the zap alone: 6.16 keeps the leaf's pin.

ruleset t: table do
  ruleset l: leaf do
    --@ source tdx_sept_zap_private_spte
    --@ operation inject_seamcall_failure ; TDH.MEM.RANGE.BLOCK gfn=t gfn=l level=0 returns TDX_SYS_SHUTDOWN
    rule "TDH.MEM.RANGE.BLOCK fails" HARD_FAILURE & step = S_BLOCK & current[t][l] & kick_answered() ==>
    begin
      zap_refused(TDX_SYS_SHUTDOWN);
    end;

    --@ source tdx_sept_drop_private_spte
    --@ operation inject_seamcall_failure ; TDH.MEM.PAGE.REMOVE gfn=t gfn=l level=0 returns TDX_SYS_SHUTDOWN
    rule "TDH.MEM.PAGE.REMOVE fails" HARD_FAILURE & step = S_REMOVE & current[t][l] & kick_answered() ==>
    begin
      zap_refused(TDX_SYS_SHUTDOWN);
    end;

    --@ source tdx_sept_drop_private_spte
    --@ operation inject_seamcall_failure ; TDH.PHYMEM.PAGE.WBINVD gfn=t gfn=l returns TDX_SYS_SHUTDOWN
    rule "TDH.PHYMEM.PAGE.WBINVD fails" HARD_FAILURE & step = S_WBINVD & current[t][l] ==>
    begin
      zap_refused(TDX_SYS_SHUTDOWN);
    end;
  end;

  --@ source tdx_sept_free_private_spt: the page is leaked
  --@ operation inject_seamcall_failure ; reclaim_table gfn=t returns TDX_SYS_SHUTDOWN
  rule "a table's reclaim fails"
    HARD_FAILURE & phase = P_RECLAIM & (!gmemOpen) & job = NO_JOB & mirrorTable[t] = PRESENT & (forall l: leaf do mirrorLeaf[t][l] != PRESENT end) ==>
  begin
    refused := TDX_SYS_SHUTDOWN;
    mirrorTable[t] := NONPRESENT;
    septTable[t] := SEPT_FREE;
  end;
end;

--@ source tdx_track
--@ operation inject_seamcall_failure ; TDH.MEM.TRACK returns TDX_SYS_SHUTDOWN
rule "TDH.MEM.TRACK fails" HARD_FAILURE & step = S_TRACK & kvmRunnable & kick_answered() ==>
begin
  zap_refused(TDX_SYS_SHUTDOWN);
end;

ruleset v: vcpu do
  -- KVM takes the vCPU to be flushed all the same, and goes to the next one.
  --@ source tdx_flush_vp, tdx_flush_vp_on_cpu
  --@ operation inject_seamcall_failure ; TDH.VP.FLUSH vcpu=v returns TDX_SYS_SHUTDOWN
  rule "TDH.VP.FLUSH fails" HARD_FAILURE & phase = P_FLUSH & (!unflushed[v]) ==>
  begin
    refused := TDX_SYS_SHUTDOWN;
    unflushed[v] := true;
    phase := P_FLUSH_BUG;
  end;
end;

--@ source tdx_flush_vp_on_cpu: KVM_BUG_ON
--@ operation kvm_bug_on returns KVM_BUG_ON
rule "KVM_BUG_ON after VP.FLUSH" phase = P_FLUSH_BUG ==>
begin
  bugged := true;
  refused := TDX_SUCCESS;
  phase := P_FLUSH;
end;

-- Taken quietly: hkid stays assigned, and all is leaked with it.
--@ source tdx_mmu_release_hkid: TDX_FLUSHVP_NOT_DONE
--@ operation TDH.MNG.VPFLUSHDONE returns TDX_FLUSHVP_NOT_DONE
rule "TDH.MNG.VPFLUSHDONE finds a vCPU associated" phase = P_FLUSH & flushes_done() & (exists v: vcpu do associated[v] end) ==>
begin
  phase := P_LEAKED;
end;

-- hkid stays assigned: the S-EPT pages, the TDCS and the TDR are leaked with it.
--@ source tdx_mmu_release_hkid
--@ operation inject_seamcall_failure ; TDH.MNG.VPFLUSHDONE returns TDX_SYS_SHUTDOWN
rule "TDH.MNG.VPFLUSHDONE fails" HARD_FAILURE & phase = P_FLUSH & flushes_done() ==>
begin
  refused := TDX_SYS_SHUTDOWN;
  phase := P_LEAKED;
end;

ruleset k: package do
  --@ source smp_func_do_phymem_cache_wb: WARN_ON_ONCE, and the next package
  --@ operation inject_seamcall_failure ; TDH.PHYMEM.CACHE.WB package=k returns TDX_SYS_SHUTDOWN
  rule "TDH.PHYMEM.CACHE.WB fails" HARD_FAILURE & phase = P_CACHE_WB & cachePending[k] & (!cacheFailed[k]) ==>
  begin
    refused := TDX_SYS_SHUTDOWN;
    cacheFailed[k] := true;
  end;
end;

--@ source tdx_mmu_release_hkid
--@ operation TDH.MNG.KEY.FREEID returns TDX_WBCACHE_NOT_COMPLETE
rule "TDH.MNG.KEY.FREEID finds a cache not written back"
  phase = P_CACHE_WB & (exists k: package do cacheFailed[k] end) & (forall k: package do cachePending[k] -> cacheFailed[k] end) ==>
begin
  refused := TDX_WBCACHE_NOT_COMPLETE;
  phase := P_LEAKED;
end;

--@ source tdx_mmu_release_hkid
--@ operation inject_seamcall_failure ; TDH.MNG.KEY.FREEID returns TDX_SYS_SHUTDOWN
rule "TDH.MNG.KEY.FREEID fails" HARD_FAILURE & phase = P_CACHE_WB & (forall k: package do (!cachePending[k]) end) ==>
begin
  refused := TDX_SYS_SHUTDOWN;
  phase := P_LEAKED;
end;

--@ source tdx_mmu_release_hkid: KVM_BUG_ON
--@ operation kvm_bug_on returns KVM_BUG_ON
rule "KVM_BUG_ON in the release of the HKID" phase = P_LEAKED & hkidAssigned & refused != TDX_SUCCESS ==>
begin
  bugged := true;
  refused := TDX_SUCCESS;
end;

-- It is leaked, and the page above it is reclaimed and freed all the same.
--@ source tdx_sept_free_private_spt, handle_removed_pt
--@ operation inject_seamcall_failure ; reclaim_directory returns TDX_SYS_SHUTDOWN
rule "the lower directory page's reclaim fails"
  HARD_FAILURE & phase = P_RECLAIM & (!gmemOpen) & job = NO_JOB & (forall t: table do mirrorTable[t] = NONPRESENT end) ==>
begin
  refused := TDX_SYS_SHUTDOWN;
  upperDirectory := false;
  phase := P_TDCS;
end;

--@ source tdx_sept_free_private_spt, handle_removed_pt
--@ operation inject_seamcall_failure after=1 ; reclaim_directory returns TDX_SYS_SHUTDOWN
rule "the upper directory page's reclaim fails"
  HARD_FAILURE & phase = P_RECLAIM & (!gmemOpen) & job = NO_JOB & (forall t: table do mirrorTable[t] = NONPRESENT end) ==>
begin
  refused := TDX_SYS_SHUTDOWN;
  lowerDirectory := false;
  phase := P_TDCS;
end;

-- The same of TDCS and TDVPR pages.
--@ source tdx_reclaim_control_page
--@ operation inject_seamcall_failure ; reclaim_tdcs returns TDX_SYS_SHUTDOWN
rule "the reclaim of a TDCS or TDVPR page fails" HARD_FAILURE & phase = P_TDCS ==>
begin
  refused := TDX_SYS_SHUTDOWN;
  phase := P_TDR;
end;

--@ source tdx_reclaim_td_control_pages
--@ operation inject_seamcall_failure ; reclaim_tdr returns TDX_SYS_SHUTDOWN
rule "the TDR's reclaim fails" HARD_FAILURE & phase = P_TDR ==>
begin
  refused := TDX_SYS_SHUTDOWN;
  phase := P_LEAKED;
end;

--@ source tdx_reclaim_td_control_pages
--@ operation inject_seamcall_failure ; wbinvd_tdr returns TDX_SYS_SHUTDOWN
rule "the write-back of the TDR fails" HARD_FAILURE & phase = P_TDR_WBINVD ==>
begin
  refused := TDX_SYS_SHUTDOWN;
  phase := P_LEAKED;
end;

--@ source tdx_reclaim_td_control_pages: KVM_BUG_ON
--@ operation kvm_bug_on returns KVM_BUG_ON
rule "KVM_BUG_ON after the write-back of the TDR" phase = P_LEAKED & lifecycle = TD_NONE & refused != TDX_SUCCESS ==>
begin
  bugged := true;
  refused := TDX_SUCCESS;
end;

--@ source nothing exists yet
startstate "no TD" begin
  for t: table do
    mirrorTable[t] := NONPRESENT;
    septTable[t] := SEPT_FREE;
    tableAge[t] := 2;
    currentTable[t] := false;
    for p: page do tablePage[t][p] := false; end;
    for l: leaf do
      mirrorLeaf[t][l] := NONPRESENT;
      septLeaf[t][l] := SEPT_FREE;
      blockAge[t][l] := 2;
      range[t][l] := R_NONE;
      premapped[t][l] := false;
      populating[t][l] := false;
      target[t][l] := false;
      current[t][l] := false;
      for p: page do
        gmem[t][l][p] := false;
        maps[t][l][p] := false;
      end;
    end;
  end;
  for p: page do
    free[p] := true;
    pinned[p] := false;
    pamt[p] := PT_NDA;
    dirty[p] := false;
  end;
  for v: vcpu do
    mode[v] := V_OUT;
    associated[v] := false;
    behind[v] := true;
    exitRequested[v] := false;
    unflushed[v] := false;
    for p: page do tlb[v][p] := false; end;
    for t: table do
      atTable[v][t] := false;
      for l: leaf do atLeaf[v][t][l] := false; end;
    end;
  end;
  for k: package do
    cachePending[k] := false;
    cacheInterrupted[k] := false;
    cacheFailed[k] := false;
  end;
  gmemOpen := false;
  kvmRunnable := false;
  hkidAssigned := false;
  waitZap := false;
  bugged := false;
  phase := P_NONE;
  job := NO_JOB;
  step := S_IDLE;
  lifecycle := TD_NONE;
  opState := OP_NONE;
  refused := TDX_SUCCESS;
  retryBusy := false;
  slotPageLost := false;
  removedNotEmpty := false;
  lowerDirectory := false;
  upperDirectory := false;
  controlPages := false;
end;

--@ source TDX module, PAMT; kvm_tdp_mmu_zap and free order
invariant "no private SPTE freed before its leaves"
  forall t: table do forall l: leaf do forall p: page do
    (maps[t][l][p] & pamt[p] != PT_NDA) -> (exists q: page do tablePage[t][q] & pamt[q] = PT_EPT end) end end end
  & (forall u: table do forall r: page do (tablePage[u][r] & pamt[r] != PT_NDA) -> lowerDirectory end end)
  & (lowerDirectory -> upperDirectory);

--@ source TDX module, TDH.MEM.SEPT.REMOVE; the right kernel never calls it on a live TD
invariant "SEPT.REMOVE succeeds only on 512 free entries" ZAP_ROOT -> (!removedNotEmpty);

--@ source TDX module, S-EPT walk
invariant "while keys are configured every entry that is not free has only mapped or blocked ancestors"
  lifecycle = TD_KEYS_CONFIGURED -> (forall t: table do (exists l: leaf do septLeaf[t][l] != SEPT_FREE end) -> (septTable[t] = NL_MAPPED | septTable[t] = NL_BLOCKED) end);

--@ source TLB tracking
invariant "no vCPU in the guest uses a translation to a freed page"
  forall v: vcpu do forall p: page do (inside(v) & tlb[v][p]) -> (!free[p]) end end;

--@ source TDX module, PAMT
invariant "a free page belongs to no TD and no dirty cache line of its HKID is left"
  forall p: page do free[p] -> (pamt[p] = PT_NDA & (!dirty[p])) end;

--@ source tdp_mmu.c, mirror page tables
invariant "while the HKID is assigned and the VM is not bugged, outside write-locked and FROZEN windows, mirror SPTE and S-EPT entry agree"
  (hkidAssigned & lifecycle = TD_KEYS_CONFIGURED & (!bugged) & (!(write_locked()))) ->
    (forall t: table do
      (mirrorTable[t] = FROZEN | (mirrorTable[t] = PRESENT & septTable[t] = NL_MAPPED) | (mirrorTable[t] = NONPRESENT & septTable[t] = SEPT_FREE))
      & (forall l: leaf do
        mirrorLeaf[t][l] = FROZEN | premapped[t][l]
        | (mirrorLeaf[t][l] = PRESENT & (septLeaf[t][l] = MAPPED | septLeaf[t][l] = PENDING))
        | (mirrorLeaf[t][l] = NONPRESENT & septLeaf[t][l] = SEPT_FREE) end) end);

--@ source tdx.c, TDX_BUG_ON
invariant "no zap or teardown SEAMCALL is refused except as the kernel expects" refused = TDX_SUCCESS;

--@ source tdh_do_no_vcpus
invariant "the retry with all vCPUs out is never busy" (!retryBusy);

--@ source KVM_BUG_ON
invariant "KVM_BUG_ON is never reached" (!bugged);

--@ source kvm_destroy_vm, tdx_mmu_release_hkid
invariant "the HKID is released only after all private leaves are gone"
  (!hkidAssigned) -> (forall p: page do pamt[p] != PT_REG end);

--@ source tdx_reclaim_td_control_pages
invariant "TDR is reclaimed last"
  lifecycle = TD_NONE -> (!(td_has_pages()));

--@ source kvm_arch_flush_shadow_memslot
invariant "deleting a memslot loses no other slot's pages" (!slotPageLost);

-- The relations are functions: every prover needs to be told.
--@ source external_spt
invariant "a table has at most one page, a page is that of at most one table"
  (forall t: table do forall p: page do forall q: page do (tablePage[t][p] & tablePage[t][q]) -> p = q end end end)
  & (forall p: page do forall t: table do forall u: table do (tablePage[t][p] & tablePage[u][p]) -> t = u end end end);

--@ source guest_memfd
invariant "a frame has at most one gmem page"
  forall t: table do forall l: leaf do forall p: page do forall q: page do (gmem[t][l][p] & gmem[t][l][q]) -> p = q end end end end;

--@ source guest_memfd
invariant "a page is that of at most one frame"
  forall p: page do forall t: table do forall l: leaf do forall u: table do forall k: leaf do
    (gmem[t][l][p] & gmem[u][k][p]) -> (t = u & l = k) end end end end end;

--@ source TDX module, PAMT
invariant "an S-EPT leaf entry maps at most one page"
  forall t: table do forall l: leaf do forall p: page do forall q: page do (maps[t][l][p] & maps[t][l][q]) -> p = q end end end end;

--@ source TDX module, PAMT
invariant "a page is mapped by at most one S-EPT entry"
  forall p: page do forall t: table do forall l: leaf do forall u: table do forall k: leaf do
    (maps[t][l][p] & maps[u][k][p]) -> (t = u & l = k) end end end end end;

--@ source the jobs' locks
invariant "a job has at most one target and removes one leaf at a time"
  forall t: table do forall l: leaf do forall u: table do forall k: leaf do
    ((target[t][l] & target[u][k]) | (current[t][l] & current[u][k]) | (populating[t][l] & populating[u][k])) -> (t = u & l = k) end end end end;

--@ source kvm_tdp_mmu_page_fault
invariant "a vCPU faults on or accepts at most one entry"
  forall v: vcpu do
    (forall t: table do forall u: table do (atTable[v][t] & atTable[v][u]) -> t = u end end)
    & (forall t: table do forall l: leaf do forall u: table do forall k: leaf do
      (atLeaf[v][t][l] & atLeaf[v][u][k]) -> (t = u & l = k) end end end end) end;

-- Whose hands things are in: what a reader needs to know to see why the rest holds, and what provers look for.

--@ source __tdp_mmu_set_spte_atomic, FROZEN_SPTE
invariant "a FROZEN SPTE is in the hands of a fault"
  forall t: table do
    (mirrorTable[t] = FROZEN -> (exists v: vcpu do (mode[v] = V_TABLE_FROZEN | mode[v] = V_TABLE_ADDED) & atTable[v][t] end))
    & (forall l: leaf do
      mirrorLeaf[t][l] = FROZEN -> (populating[t][l] | (exists v: vcpu do (mode[v] = V_LEAF_FROZEN | mode[v] = V_LEAF_AUGED) & atLeaf[v][t][l] end)) end) end;

--@ source set_external_spte_present, tdx_sept_remove_private_spte
invariant "an S-EPT entry that its mirror SPTE does not show is in the hands of a fault or of a zap"
  forall t: table do forall l: leaf do
    (septLeaf[t][l] != SEPT_FREE & mirrorLeaf[t][l] != PRESENT)
      -> (current[t][l] | populating[t][l] | (exists v: vcpu do mode[v] = V_LEAF_AUGED & atLeaf[v][t][l] end)) end end;

--@ source TDX module, PAMT
invariant "a page of the TD is behind an S-EPT entry"
  forall p: page do
    (pamt[p] = PT_REG -> (exists t: table do exists l: leaf do maps[t][l][p] end end))
    & (pamt[p] = PT_EPT -> (exists t: table do tablePage[t][p] end)) end;

--@ source kvm_gmem_get_pfn, tdx_mem_page_aug
invariant "an S-EPT entry maps the file's page"
  forall t: table do forall l: leaf do forall p: page do
    maps[t][l][p] -> (gmem[t][l][p] & septLeaf[t][l] != SEPT_FREE) end end end;

--@ source tdp_mmu_link_sp, tdx_sept_link_private_spt
invariant "a linked table has its S-EPT page"
  forall t: table do
    (mirrorTable[t] = PRESENT -> septTable[t] != SEPT_FREE)
    & (septTable[t] != SEPT_FREE -> (exists p: page do tablePage[t][p] & pamt[p] = PT_EPT end)) end;

--@ source mmu_lock
invariant "mmu_lock is held by readers or by one writer" !(read_locked() & write_locked());

--@ source kvm_tdp_mmu_page_fault; TDX module, TDG.MEM.PAGE.ACCEPT
invariant "a vCPU is at an entry while it faults on it or accepts it"
  forall v: vcpu do
    ((exists t: table do atTable[v][t] end) = (mode[v] = V_TABLE_FROZEN | mode[v] = V_TABLE_ADDED))
    & ((exists t: table do exists l: leaf do atLeaf[v][t][l] end end) = (mode[v] = V_ACCEPTING | mode[v] = V_LEAF_FROZEN | mode[v] = V_LEAF_AUGED)) end;

--@ source TDX module, TDG.MEM.PAGE.ACCEPT
invariant "an entry whose page is being accepted is pending"
  forall t: table do forall l: leaf do (exists v: vcpu do mode[v] = V_ACCEPTING & atLeaf[v][t][l] end) -> septLeaf[t][l] = PENDING end end;

--@ source hardware page walk
invariant "while keys are configured a cached translation is of a page of the TD"
  lifecycle = TD_KEYS_CONFIGURED -> (forall v: vcpu do forall p: page do tlb[v][p] -> pamt[p] != PT_NDA end end);
