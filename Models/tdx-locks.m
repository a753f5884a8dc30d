--@ title locks around the SEAMCALLs that change a TD's state (TDX-LOCKS, TDX-INITVCPU-TDR)
--@ source Linux 6.16.1 and 6.19 arch/x86/kvm/vmx/tdx.c; fixes 15945e9ec195 ("Guard VM state transitions with all the locks"), 94428e3ba325 ("Convert INIT_MEM_REGION and INIT_VCPU to unlocked vCPU ioctl")
--@ abstraction KVM_TDX_INIT_VM has succeeded, and a further vCPU whose mutex nobody else takes is initialised, as MR.FINALIZE wants; vCPU creation is two steps without SEAMCALL; KVM_RUN, vcpu_load of other vCPUs and VP.FLUSH are not modelled
--@ abstraction a SEAMCALL is two steps, begin (the TDR lock is tried) and end; all other module locks are left out
--@ abstraction both bugs (TDX-LOCKS: STATE_GUARD false; TDX-INITVCPU-TDR: INIT_VCPU_GUARDED false) are in 6.16, scope kvm-6-16, and fixed in 6.19, the default; nothing else here differs between the two
--@ abstraction 6.16's locks leave INIT_VCPU unguarded in either case; TDX-LOCKS is shown alone on a module of before 2025 (VP_INIT_EXCLUSIVE false), where no two INIT_VCPUs are busy for each other
--@ abstraction the order in which the guard takes the vcpu->mutexes is free: whoever takes more than one holds kvm->lock
--@ bind thread = thread 0 step 1
--@ bind vcpu = vcpu 0 step 1
--@ setup locks_td vcpus=VCPUS threads=THREADS
--@ observable thread_step[h: thread]=pc[h]
--@ observable seamcall[h: thread]=call[h]
--@ observable kvm_lock[h: thread]=kvmLock[h]
--@ observable slots_lock[h: thread]=slotsLock[h]
--@ observable vcpu_mutex[v: vcpu, h: thread]=mutex[v][h]
--@ observable vcpu_phase[v: vcpu]=vcpuPhase[v]
--@ observable td_finalized=finalized
--@ observable td_bugged=bugged
--@ scope three-threads: THREADS=3
--@ scope kvm-6-16: STATE_GUARD=false INIT_VCPU_GUARDED=false
--@ variant kernel-6-16: in kvm-6-16 =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "at most one state-transition SEAMCALL is in flight" by seamcalls-overlap,
--@+  violates "the TD's state does not change while a vCPU is being created" by state-change-during-creation
--@+  bug TDX-LOCKS,TDX-INITVCPU-TDR policy kvm-6-16+kvm-6-16-locks+init-vcpu-own-mutex
--@ variant shared-vp-init: VP_INIT_EXCLUSIVE=false => holds
--@ variant tdx-locks: STATE_GUARD=false VP_INIT_EXCLUSIVE=false =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "at most one state-transition SEAMCALL is in flight" by seamcalls-overlap bug TDX-LOCKS policy kvm-6-16-locks+vp-init-shared
--@ variant tdx-locks-creation: STATE_GUARD=false =>
--@+  violates "the TD's state does not change while a vCPU is being created" by state-change-during-creation bug TDX-LOCKS policy kvm-6-16-locks
--@ variant tdx-initvcpu-tdr: INIT_VCPU_GUARDED=false =>
--@+  violates "KVM_BUG_ON is never reached" by KVM_BUG_ON,
--@+  violates "at most one state-transition SEAMCALL is in flight" by seamcalls-overlap,
--@+  holds "the TD's state does not change while a vCPU is being created" bug TDX-INITVCPU-TDR policy init-vcpu-own-mutex
--@ variant tdx-initvcpu-shared: INIT_VCPU_GUARDED=false VP_INIT_EXCLUSIVE=false =>
--@+  violates "at most one state-transition SEAMCALL is in flight" by seamcalls-overlap,
--@+  holds "KVM_BUG_ON is never reached" policy init-vcpu-own-mutex+vp-init-shared
--@ variant guard-inside-mutex: GUARD_INSIDE_MUTEX=true => deadlock policy guard-inside-mutex

const
  THREADS: 2;                     -- threads of userspace, each in at most one ioctl
  VCPUS: 2;

  STATE_GUARD: true;              -- bug TDX-LOCKS when false: FINALIZE takes kvm->lock and slots_lock, INIT_MEM_REGION its vcpu->mutex and slots_lock, INIT_VCPU its vcpu->mutex
  INIT_VCPU_GUARDED: true;        -- bug TDX-INITVCPU-TDR when false: INIT_VCPU takes its vcpu->mutex only, whatever the others take
  GUARD_INSIDE_MUTEX: false;      -- the guard is taken with the vCPU's own mutex held already
  VP_INIT_EXCLUSIVE: true;        -- the module takes the TDR exclusively for TDH.VP.INIT of version > 0

type
  thread: scalarset(THREADS);
  vcpu: scalarset(VCPUS);
  ioctlType: enum { IO_NONE, IO_CREATE_VCPU, IO_INIT_VCPU, IO_INIT_MEM_REGION, IO_FINALIZE };
  stepType: enum { L_IDLE, L_KVM_LOCK, L_MUTEX, L_SLOTS_LOCK, L_CHECK, L_FIRST, L_SECOND, L_CREATE, L_BUG, L_UNLOCK };
  callType: enum { C_NONE, C_VP_CREATE, C_VP_INIT, C_PAGE_ADD, C_MR_EXTEND, C_MR_FINALIZE };
  vcpuState: enum { VCPU_ABSENT, VCPU_CREATING, VCPU_ONLINE, VCPU_INITIALIZED };

var
  ioctl: array[thread] of ioctlType;
  pc: array[thread] of stepType;
  onVcpu: array[thread] of array[vcpu] of boolean;        -- the vCPU of the ioctl
  call: array[thread] of callType;                        -- the SEAMCALL in flight: it holds the TDR lock
  kvmLock: array[thread] of boolean;
  slotsLock: array[thread] of boolean;
  mutex: array[vcpu] of array[thread] of boolean;         -- vcpu->mutex
  vcpuPhase: array[vcpu] of vcpuState;
  finalized: boolean;
  bugged: boolean;
  changedDuringCreation: boolean;                         -- ghost

-- The ioctl takes kvm->lock, all vcpu->mutexes and slots_lock.
--@ source tdx_acquire_vm_state_locks
function guarded(i: ioctlType): boolean;
begin
  return STATE_GUARD & i != IO_CREATE_VCPU & (i != IO_INIT_VCPU | INIT_VCPU_GUARDED);
end;

--@ source TDX module, locks; bugs.md section G
function exclusive(c: callType): boolean;
begin
  return c = C_PAGE_ADD | c = C_MR_EXTEND | c = C_MR_FINALIZE | (c = C_VP_INIT & VP_INIT_EXCLUSIVE);
end;

-- The TDR lock cannot be had for c: all of the module's locks are try-locks.
--@ source TDX module, locks
function tdr_busy(c: callType): boolean;
begin
  return exists h: thread do call[h] != C_NONE & (exclusive(c) | exclusive(call[h])) end;
end;

-- The SEAMCALL that the thread issues next.
--@ source tdx.c
function next_call(i: ioctlType; first: boolean): callType;
begin
  if i = IO_INIT_VCPU then return first ? C_VP_CREATE : C_VP_INIT; end;
  if i = IO_INIT_MEM_REGION then return first ? C_PAGE_ADD : C_MR_EXTEND; end;
  return C_MR_FINALIZE;
end;

--@ source mutex
function mutex_free(v: vcpu): boolean;
begin
  return forall h: thread do (!mutex[v][h]) end;
end;

-- A vCPU with a mutex to take: kvm_for_each_vcpu.
--@ source kvm_lock_all_vcpus
function online(v: vcpu): boolean;
begin
  return vcpuPhase[v] = VCPU_ONLINE | vcpuPhase[v] = VCPU_INITIALIZED;
end;

ruleset h: thread do
  ruleset v: vcpu do
    --@ source kvm_vm_ioctl_create_vcpu: created_vcpus++ under kvm->lock
    --@ operation create_vcpu_begin thread=h vcpu=v
    rule "KVM_CREATE_VCPU begins"
      pc[h] = L_IDLE & (!bugged) & (!finalized) & vcpuPhase[v] = VCPU_ABSENT & (forall k: thread do (!kvmLock[k]) end) ==>
    begin
      ioctl[h] := IO_CREATE_VCPU;
      onVcpu[h][v] := true;
      vcpuPhase[v] := VCPU_CREATING;
      pc[h] := L_CREATE;
    end;

    --@ source kvm_vm_ioctl_create_vcpu: online_vcpus++ under kvm->lock
    --@ operation create_vcpu_end thread=h vcpu=v
    rule "KVM_CREATE_VCPU ends" pc[h] = L_CREATE & onVcpu[h][v] & (forall k: thread do (!kvmLock[k]) end) ==>
    begin
      ioctl[h] := IO_NONE;
      onVcpu[h][v] := false;
      vcpuPhase[v] := VCPU_ONLINE;
      pc[h] := L_IDLE;
    end;

    --@ source tdx_vcpu_init
    --@ operation init_vcpu thread=h vcpu=v
    rule "KVM_TDX_INIT_VCPU begins" pc[h] = L_IDLE & (!bugged) & vcpuPhase[v] = VCPU_ONLINE ==>
    begin
      ioctl[h] := IO_INIT_VCPU;
      onVcpu[h][v] := true;
      pc[h] := (guarded(IO_INIT_VCPU) & (!GUARD_INSIDE_MUTEX)) ? L_KVM_LOCK : L_MUTEX;
    end;

    --@ source tdx_vcpu_init_mem_region
    --@ operation init_mem_region thread=h vcpu=v
    rule "KVM_TDX_INIT_MEM_REGION begins" pc[h] = L_IDLE & (!bugged) & online(v) ==>
    begin
      ioctl[h] := IO_INIT_MEM_REGION;
      onVcpu[h][v] := true;
      pc[h] := (guarded(IO_INIT_MEM_REGION) & (!GUARD_INSIDE_MUTEX)) ? L_KVM_LOCK : L_MUTEX;
    end;
  end;

  --@ source tdx_td_finalize
  --@ operation finalize thread=h
  rule "KVM_TDX_FINALIZE_VM begins" pc[h] = L_IDLE & (!bugged) ==>
  begin
    ioctl[h] := IO_FINALIZE;
    pc[h] := L_KVM_LOCK;
  end;

  -- 6.19 refuses while created_vcpus != online_vcpus: a vCPU that is not online yet has no mutex to take.
  --@ source tdx_acquire_vm_state_locks
  --@ operation lock_kvm thread=h
  rule "kvm->lock"
    pc[h] = L_KVM_LOCK & (forall k: thread do (!kvmLock[k]) end) & (!(guarded(ioctl[h]) & (exists v: vcpu do vcpuPhase[v] = VCPU_CREATING end))) ==>
  begin
    kvmLock[h] := true;
    pc[h] := guarded(ioctl[h]) ? L_MUTEX : L_SLOTS_LOCK;
  end;

  --@ source tdx_acquire_vm_state_locks: -EBUSY
  --@ operation lock_kvm thread=h returns -EBUSY
  rule "the guard finds a vCPU being created"
    pc[h] = L_KVM_LOCK & (forall k: thread do (!kvmLock[k]) end) & guarded(ioctl[h]) & (exists v: vcpu do vcpuPhase[v] = VCPU_CREATING end) ==>
  begin
    pc[h] := L_UNLOCK;
  end;

  ruleset v: vcpu do
    -- The guard takes all of them, the others the one of their vCPU.
    --@ source kvm_lock_all_vcpus, kvm_vcpu_ioctl
    --@ operation lock_vcpu thread=h vcpu=v
    rule "vcpu->mutex" pc[h] = L_MUTEX & mutex_free(v) & online(v) & (kvmLock[h] | onVcpu[h][v]) ==>
    begin
      mutex[v][h] := true;
      if (!kvmLock[h]) then
        pc[h] := guarded(ioctl[h]) ? L_KVM_LOCK : (ioctl[h] = IO_INIT_MEM_REGION ? L_SLOTS_LOCK : L_CHECK);
      end;
    end;
  end;

  --@ source tdx_acquire_vm_state_locks
  --@ operation lock_slots thread=h
  rule "slots_lock"
    (pc[h] = L_SLOTS_LOCK | (pc[h] = L_MUTEX & kvmLock[h] & (forall v: vcpu do online(v) -> mutex[v][h] end)))
    & (forall k: thread do (!slotsLock[k]) end) ==>
  begin
    slotsLock[h] := true;
    pc[h] := L_CHECK;
  end;

  --@ source tdx_td_finalize, tdx_vcpu_init, tdx_vcpu_init_mem_region
  --@ operation check_state thread=h
  rule "the ioctl's checks pass"
    pc[h] = L_CHECK & (!bugged) & (!finalized)
    & (ioctl[h] = IO_INIT_VCPU -> (forall v: vcpu do onVcpu[h][v] -> vcpuPhase[v] = VCPU_ONLINE end))
    & (ioctl[h] = IO_INIT_MEM_REGION -> (forall v: vcpu do onVcpu[h][v] -> vcpuPhase[v] = VCPU_INITIALIZED end)) ==>
  begin
    pc[h] := (ioctl[h] = IO_FINALIZE) ? L_SECOND : L_FIRST;
  end;

  --@ source tdx_td_finalize, tdx_vcpu_init, tdx_vcpu_init_mem_region
  --@ operation check_state thread=h returns -EINVAL|-EIO
  rule "the ioctl's checks fail"
    pc[h] = L_CHECK
    & (bugged | finalized
      | (ioctl[h] = IO_INIT_VCPU & (exists v: vcpu do onVcpu[h][v] & vcpuPhase[v] != VCPU_ONLINE end))
      | (ioctl[h] = IO_INIT_MEM_REGION & (exists v: vcpu do onVcpu[h][v] & vcpuPhase[v] != VCPU_INITIALIZED end))) ==>
  begin
    pc[h] := L_UNLOCK;
  end;

  --@ source TDX module, locks
  --@ operation seamcall_begin thread=h
  rule "a SEAMCALL begins"
    (pc[h] = L_FIRST | pc[h] = L_SECOND) & call[h] = C_NONE & (!finalized) & (!(tdr_busy(next_call(ioctl[h], pc[h] = L_FIRST)))) ==>
  begin
    call[h] := next_call(ioctl[h], pc[h] = L_FIRST);
    if call[h] = C_MR_FINALIZE & (exists v: vcpu do vcpuPhase[v] = VCPU_CREATING end) then changedDuringCreation := true; end;
  end;

  -- PAGE.ADD, MR.EXTEND and MR.FINALIZE: the ioctl fails.
  --@ source tdx_gmem_post_populate, tdx_td_finalize
  --@ operation seamcall_begin thread=h returns TDX_OPERAND_BUSY
  rule "a SEAMCALL is busy, the ioctl fails"
    (pc[h] = L_FIRST | pc[h] = L_SECOND) & call[h] = C_NONE & ioctl[h] != IO_INIT_VCPU & tdr_busy(next_call(ioctl[h], pc[h] = L_FIRST)) ==>
  begin
    pc[h] := L_UNLOCK;
  end;

  -- OP_STATE is not INITIALIZED any more, or another call has the TDR.
  --@ source tdx_td_vcpu_init
  --@ operation seamcall_begin thread=h returns TDX_OPERAND_BUSY|TDX_OP_STATE_INCORRECT
  rule "TDH.VP.CREATE or VP.INIT is refused"
    (pc[h] = L_FIRST | pc[h] = L_SECOND) & call[h] = C_NONE & ioctl[h] = IO_INIT_VCPU & (finalized | tdr_busy(next_call(ioctl[h], pc[h] = L_FIRST))) ==>
  begin
    pc[h] := L_BUG;
  end;

  --@ source tdx_td_vcpu_init, KVM_BUG_ON
  --@ operation ioctl_bug_on thread=h returns KVM_BUG_ON
  rule "KVM_BUG_ON" pc[h] = L_BUG ==>
  begin
    bugged := true;
    pc[h] := L_UNLOCK;
  end;

  --@ source TDX module
  --@ operation seamcall_end thread=h
  rule "a SEAMCALL ends" call[h] != C_NONE ==>
  begin
    if call[h] = C_MR_FINALIZE then finalized := true; end;
    if call[h] = C_VP_INIT then
      for v: vcpu do
        if onVcpu[h][v] then vcpuPhase[v] := VCPU_INITIALIZED; end;
      end;
    end;
    pc[h] := (pc[h] = L_FIRST) ? L_SECOND : L_UNLOCK;
    call[h] := C_NONE;
  end;

  --@ source tdx_release_vm_state_locks
  --@ operation unlock thread=h
  rule "the ioctl drops its locks and returns" pc[h] = L_UNLOCK ==>
  begin
    pc[h] := L_IDLE;
    ioctl[h] := IO_NONE;
    kvmLock[h] := false;
    slotsLock[h] := false;
    for v: vcpu do
      onVcpu[h][v] := false;
      mutex[v][h] := false;
    end;
  end;
end;

--@ source kvm_destroy_vm; KVM_CREATE_VM, KVM_TDX_INIT_VM
--@ operation locks_td vcpus=VCPUS threads=THREADS
rule "the VM is destroyed and created again" (finalized | bugged) & (forall h: thread do pc[h] = L_IDLE end) ==>
begin
  for v: vcpu do vcpuPhase[v] := VCPU_ABSENT; end;
  finalized := false;
  bugged := false;
end;

--@ source a TD after KVM_TDX_INIT_VM
startstate "initialised TD without vCPUs" begin
  for h: thread do
    ioctl[h] := IO_NONE;
    pc[h] := L_IDLE;
    call[h] := C_NONE;
    kvmLock[h] := false;
    slotsLock[h] := false;
    for v: vcpu do onVcpu[h][v] := false; end;
  end;
  for v: vcpu do
    vcpuPhase[v] := VCPU_ABSENT;
    for h: thread do mutex[v][h] := false; end;
  end;
  finalized := false;
  bugged := false;
  changedDuringCreation := false;
end;

--@ source tdx_td_vcpu_init
invariant "KVM_BUG_ON is never reached" (!bugged);

--@ source 15945e9ec195
invariant "at most one state-transition SEAMCALL is in flight"
  forall h: thread do forall k: thread do (call[h] != C_NONE & call[k] != C_NONE) -> h = k end end;

--@ source 15945e9ec195
invariant "the TD's state does not change while a vCPU is being created" (!changedDuringCreation);

--@ source mutex
invariant "a lock has at most one holder"
  forall h: thread do forall k: thread do
    ((kvmLock[h] & kvmLock[k]) | (slotsLock[h] & slotsLock[k]) | (exists v: vcpu do mutex[v][h] & mutex[v][k] end)) -> h = k end end;

--@ source kvm_vcpu_ioctl
invariant "an ioctl is on at most one vCPU"
  forall h: thread do forall v: vcpu do forall u: vcpu do (onVcpu[h][v] & onVcpu[h][u]) -> v = u end end end;

--@ source tdx_acquire_vm_state_locks
invariant "a guarded ioctl looks at the TD's state with all the locks held"
  forall h: thread do
    (guarded(ioctl[h]) & (pc[h] = L_CHECK | pc[h] = L_FIRST | pc[h] = L_SECOND)) ->
      (kvmLock[h] & slotsLock[h] & (forall v: vcpu do online(v) -> mutex[v][h] end)) end;

--@ source kvm_vm_ioctl_create_vcpu
invariant "KVM_CREATE_VCPU is on a vCPU"
  forall h: thread do pc[h] = L_CREATE -> (exists v: vcpu do onVcpu[h][v] end) end;

--@ source kvm_vm_ioctl_create_vcpu
invariant "a vCPU that an ioctl creates is being created, by no other ioctl"
  forall h: thread do forall v: vcpu do
    (pc[h] = L_CREATE & onVcpu[h][v]) ->
      (vcpuPhase[v] = VCPU_CREATING & (forall k: thread do (pc[k] = L_CREATE & onVcpu[k][v]) -> k = h end)) end end;
