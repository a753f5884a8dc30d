--@ title CoCo flags: has_private_mem, has_protected_state, pre_fault_allowed, and what they gate
--@ source Linux 6.16 and 6.19: virt/kvm/kvm_main.c (kvm_create_vm, check_memory_region_flags,
--@+ kvm_vm_ioctl_set_mem_attributes), arch/x86/kvm/x86.c (kvm_arch_init_vm, the vCPU state ioctls), svm/svm.c
--@+ (svm_vm_init, svm_get_msr), svm/sev.c (sev_guest_init, sev_guest_init2, snp_launch_finish), vmx/tdx.c (tdx_vm_init,
--@+ tdx_vcpu_create, tdx_td_finalize); the mailing-list thread of April 2024 about fields of struct kvm_arch for CoCo
--@+ features
--@ abstraction One VM at a time, its type among those that its host advertises: vm-types.m says which and why.
--@ abstraction Userspace sees flags when it asks for the VM's capabilities (MEMORY_ATTRIBUTES, READONLY_MEM,
--@+ GUEST_MEMFD, SYNC_REGS); it may ask in every state in which the descriptor exists.
--@ abstraction The FPU state of a vCPU is confidential exactly when its state is protected. For SNP no source that we
--@+ read settles when fpstate is marked; a debug TD is treated like an unprotected vCPU in this respect.
--@ abstraction GET_MSRS and SET_MSRS stand for an MSR that sev_es_prevent_msr_access knows; on TDX vCPUs they are left
--@+ out, because there the list of MSRs decides and not a flag.
--@ abstraction A protected vCPU's register ioctls on legacy SEV-ES work on KVM's own copy, which the guest never reads.
--@ abstraction KVM_RUN stands for its checks before entry that depend on need_init and the TD's state. Launch commands
--@+ are accepted in the order START, UPDATE_VMSA, FINISH; pages and measurements are left out, and so are SEV migration
--@+ and mirror VMs. A gmem slot is registered again only with the same flags (6.19; 6.16 has a hole there).

--@ scope two-of-each: VCPUS=2 SLOTS=2 GFNS=2

--@ variant every-kind-twice: in two-of-each => holds policy right
--@ variant fd-before-flags: FD_BEFORE_FLAGS=true
--@+ => violates "flags of a VM that userspace can see match its type" by flag-mismatch,
--@+ violates "a TDX VM that userspace can see has private memory and protected state" by flag-mismatch,
--@+ violates "has_private_mem never changes once userspace can see the VM" by has-private-mem-changed,
--@+ violates "every gated ioctl answers as the table of type, protection and ioctl says" by gated-ioctl-answer,
--@+ violates "read-only slots exist only on VMs without protected state" by readonly-slot-with-protected-state,
--@+ violates "a VM of an SEV type cannot run before INIT2" by run-before-init2,
--@+ holds "SEV is initialised at most once" design "what a VM is: booleans, or its type"
--@ variant tdx-without-private-mem: TDX_SETS_PRIVATE_MEM=false
--@+ => violates "flags of a VM that userspace can see match its type" by flag-mismatch,
--@+ violates "a TDX VM that userspace can see has private memory and protected state" by flag-mismatch,
--@+ holds "has_private_mem never changes once userspace can see the VM",
--@+ holds "private attributes exist only on VMs with private memory" design "what a VM is: booleans, or its type"
--@ variant sev-init-on-typed-vm: LEGACY_INIT_NEEDS_DEFAULT=false
--@+ => violates "a VM of an SEV type cannot run before INIT2" by run-before-init2,
--@+ holds "SEV is initialised at most once",
--@+ holds "flags of a VM that userspace can see match its type"
--@ variant second-init2: INIT2_ONCE=false
--@+ => violates "SEV is initialised at most once" by sev-initialised-twice,
--@+ holds "a VM of an SEV type cannot run before INIT2"
--@ variant pre-fault-before-finalize: PRE_FAULT_TESTED=false
--@+ => violates "an SNP or TDX VM allows pre-faulting only after LAUNCH_FINISH or FINALIZE_VM succeeded"
--@+ by pre-fault-too-early,
--@+ holds "flags of a VM that userspace can see match its type"
--@ variant silent-no-op-refused: SILENT_NO_OP=false
--@+ => violates "every gated ioctl answers as the table of type, protection and ioctl says" by gated-ioctl-answer,
--@+ holds "flags of a VM that userspace can see match its type"
--@ variant refusal-made-silent: REFUSAL=false
--@+ => violates "every gated ioctl answers as the table of type, protection and ioctl says" by gated-ioctl-answer,
--@+ holds "flags of a VM that userspace can see match its type"
--@ variant vmsa-not-sealed: VMSA_SEALED=false
--@+ => violates "every gated ioctl answers as the table of type, protection and ioctl says" by vmsa-touched
--@ variant attributes-unchecked: ATTRIBUTES_TESTED=false
--@+ => violates "private attributes exist only on VMs with private memory" by private-attribute-without-private-memory,
--@+ holds "read-only slots exist only on VMs without protected state"
--@ variant readonly-unchecked: READONLY_TESTED=false
--@+ => violates "read-only slots exist only on VMs without protected state" by readonly-slot-with-protected-state,
--@+ holds "private attributes exist only on VMs with private memory"
--@ variant init2-clears-private-mem: INIT2_KEEPS_FLAGS=false
--@+ => violates "has_private_mem never changes once userspace can see the VM" by has-private-mem-changed,
--@+ violates "flags of a VM that userspace can see match its type" by flag-mismatch,
--@+ violates "private attributes exist only on VMs with private memory" by private-attribute-without-private-memory,
--@+ holds "a TDX VM that userspace can see has private memory and protected state"
--@+ design "what a VM is: booleans, or its type"
--@ variant early-decision: WATCH_DECISIONS=true
--@+ => violates "no kernel code decides on has_private_mem before it is set" by has-private-mem-read-early design "what a VM is: booleans, or its type" policy right
--@ variant flags-from-type: FLAGS_FROM_TYPE=true => holds design "what a VM is: booleans, or its type"
--@ variant flags-from-type-fd-early: FLAGS_FROM_TYPE=true FD_BEFORE_FLAGS=true
--@+ => holds "a TDX VM that userspace can see has private memory and protected state",
--@+ holds "has_private_mem never changes once userspace can see the VM",
--@+ violates "flags of a VM that userspace can see match its type" by flag-mismatch,
--@+ violates "a VM of an SEV type cannot run before INIT2" by run-before-init2
--@+ design "what a VM is: booleans, or its type" policy flags-from-type+fd-before-flags
--@ variant flags-from-type-early-decision: FLAGS_FROM_TYPE=true WATCH_DECISIONS=true
--@+ => violates "no kernel code decides on has_private_mem before it is set" by has-private-mem-read-early
--@+ design "what a VM is: booleans, or its type" policy flags-from-type

--@ bind VCPU = vcpu 0 step 1
--@ bind SLOT = slot 0 step 1
--@ bind GFN = gfn 4096 step 1
--@ observable vm_phase=phase
--@ observable vm_kind=vmType
--@ observable vm_fd=fd
--@ observable address_spaces=addressSpaces
--@ observable has_private_mem=hasPrivateMem()
--@ observable has_protected_state=hasProtectedState()
--@ observable pre_fault_allowed=preFault
--@ observable sev_need_init=needInit
--@ observable sev_active=sevActive
--@ observable sev_es_active=sevEs
--@ observable sev_launch=launch
--@ observable td_state=tdState
--@ observable vcpu_created[vcpu: VCPU]=vcpuState[vcpu].created
--@ observable vcpu_td_initialized[vcpu: VCPU]=vcpuState[vcpu].initialised
--@ observable guest_state_protected[vcpu: VCPU]=vcpuState[vcpu].guarded
--@ observable vmsa_touched[vcpu: VCPU]=vcpuState[vcpu].touched
--@ observable slot_kind[slot: SLOT]=slotKind[slot]
--@ observable private_attribute[gfn: GFN]=privateAttribute[gfn]
--@ observable pending_answer=answer
--@ observable ioctl_work=work

const
  VCPUS: 2;
  SLOTS: 1;
  GFNS: 1;
  -- Watch for kernel code that reads has_private_mem before it is set. Off: the right kernel does it, see the variant.
  WATCH_DECISIONS: false;
  -- The descriptor is installed as soon as the type is stored.
  FD_BEFORE_FLAGS: false;
  -- tdx_vm_init sets has_private_mem.
  TDX_SETS_PRIVATE_MEM: true;
  -- KVM_SEV_INIT and KVM_SEV_ES_INIT are for VMs of the default type.
  LEGACY_INIT_NEEDS_DEFAULT: true;
  -- KVM_SEV_INIT2 tests need_init and that SEV is not active.
  INIT2_ONCE: true;
  -- KVM_SEV_INIT2 leaves the flags alone.
  INIT2_KEEPS_FLAGS: true;
  -- KVM_PRE_FAULT_MEMORY tests pre_fault_allowed.
  PRE_FAULT_TESTED: true;
  -- FPU and MSR ioctls on a protected legacy SEV-ES vCPU do nothing and return 0.
  SILENT_NO_OP: true;
  -- State ioctls on a protected vCPU of a VM with has_protected_state are refused.
  REFUSAL: true;
  -- What an ioctl sets reaches the VMSA no more, once that is encrypted.
  VMSA_SEALED: true;
  -- KVM_SET_MEMORY_ATTRIBUTES tests has_private_mem.
  ATTRIBUTES_TESTED: true;
  -- KVM_MEM_READONLY needs a VM without has_protected_state.
  READONLY_TESTED: true;
  -- The list's alternative: has_private_mem and has_protected_state are computed from vm_type at every read.
  FLAGS_FROM_TYPE: false;

type
  VCPU: scalarset(VCPUS);
  SLOT: scalarset(SLOTS);
  GFN: scalarset(GFNS);
  CPU_VENDOR: enum { INTEL, AMD };
  VM_TYPE: enum { DEFAULT_VM, SW_PROTECTED_VM, SEV_VM, SEV_ES_VM, SNP_VM, TDX_VM };
  VM_PHASE: enum { NO_KVM, NO_VM, ALLOCATED, SIZED, TYPED, COMMON_FLAGS_SET, READY };
  LAUNCH_STATE: enum { NOT_STARTED, STARTED, FINISHED };
  TD_STATE: enum { TD_UNINITIALIZED, TD_INITIALIZED, TD_RUNNABLE };
  SLOT_KIND: enum { NO_SLOT, PLAIN_SLOT, READONLY_SLOT, GMEM_SLOT };
  VCPU_IOCTL: enum {
    GET_REGS, SET_REGS, GET_SREGS, SET_SREGS, GET_SREGS2, SET_SREGS2, SET_SREGS2_PDPTRS, GET_DEBUGREGS, SET_DEBUGREGS,
    GET_XCRS, SET_XCRS, GET_XSAVE, GET_XSAVE2, SET_XSAVE, GET_FPU, SET_FPU, GET_MSRS, SET_MSRS, SET_GUEST_DEBUG };
  IOCTL_CLASS: enum { REGISTER_STATE, SYSTEM_REGISTERS, PDPTR_STATE, FPU_STATE, MSR_STATE, DEBUG_CONTROL };
  QUESTION_KIND: enum { NOTHING, CAPABILITIES, RUN, PRE_FAULT, STATE_IOCTL };
  ANSWER_STATUS: enum { NO_ANSWER, SUCCESS, EINVAL, EOPNOTSUPP };
  -- How much of its work an ioctl did: none, the part that is not protected, all.
  WORK_DONE: enum { NO_WORK, PART_WORK, ALL_WORK };

var
  cpu: CPU_VENDOR;
  phase: VM_PHASE;
  -- The argument of KVM_CREATE_VM, and kvm->arch.vm_type, which is 0 until it is stored.
  requested: VM_TYPE;
  vmType: VM_TYPE;
  fd: boolean;
  addressSpaces: 1..2;
  -- The fields of struct kvm_arch.
  privateMem: boolean;
  protectedState: boolean;
  preFault: boolean;
  -- struct kvm_sev_info, and ghosts: how often it was initialised, whether by INIT2.
  needInit: boolean;
  sevActive: boolean;
  sevEs: boolean;
  launch: LAUNCH_STATE;
  initialisations: 0..2;
  initByInit2: boolean;
  -- struct kvm_tdx
  tdState: TD_STATE;
  tdDebug: boolean;
  -- guarded is guest_state_protected; touched is a ghost: an ioctl has changed the encrypted VMSA.
  vcpuState: array [VCPU] of record
    created: boolean;
    initialised: boolean;
    guarded: boolean;
    touched: boolean;
  end;
  slotKind: array [SLOT] of SLOT_KIND;
  privateAttribute: array [GFN] of boolean;
  -- Ghosts: has_private_mem when the descriptor was installed; whether it was read before it was set.
  privateMemAtFd: boolean;
  decidedEarly: boolean;
  -- What userspace has asked and what it was told, until it goes on.
  question: QUESTION_KIND;
  ioctl: VCPU_IOCTL;
  askedGuarded: boolean;
  answer: ANSWER_STATUS;
  work: WORK_DONE;

--@ source kvm.md 1.6, the matrix, first column
function typeHasPrivateMem(t: VM_TYPE): boolean;
begin
  return t = SW_PROTECTED_VM | t = SNP_VM | t = TDX_VM;
end;

--@ source kvm.md 1.6, the matrix, second column
function typeHasProtectedState(t: VM_TYPE): boolean;
begin
  return t = SEV_ES_VM | t = SNP_VM | t = TDX_VM;
end;

--@ source arch/x86/include/asm/kvm_host.h, kvm_arch_has_private_mem reads the field; the alternative reads the type
function hasPrivateMem(): boolean;
begin
  return FLAGS_FROM_TYPE ? typeHasPrivateMem(vmType) : privateMem;
end;

--@ source kvm->arch.has_protected_state; the alternative reads the type
function hasProtectedState(): boolean;
begin
  return FLAGS_FROM_TYPE ? typeHasProtectedState(vmType) : protectedState;
end;

--@ source the VM types that KVM_SEV_INIT2 is for
function isTypedSev(): boolean;
begin
  return vmType = SEV_VM | vmType = SEV_ES_VM | vmType = SNP_VM;
end;

--@ source sev_guest_init and tdx_td_init count created vCPUs
function noVcpus(): boolean;
begin
  return forall v: VCPU do (!vcpuState[v].created) end;
end;

--@ source userspace is not in an ioctl, and has a descriptor of the VM
function canCall(): boolean;
begin
  return fd & question = NOTHING;
end;

--@ source kvm.md 2.1 to 2.4: which gate an ioctl stands behind
function classOf(i: VCPU_IOCTL): IOCTL_CLASS;
begin
  switch i
  case GET_REGS, SET_REGS, GET_DEBUGREGS, SET_DEBUGREGS, GET_XCRS, SET_XCRS: return REGISTER_STATE;
  case GET_SREGS, SET_SREGS, GET_SREGS2, SET_SREGS2: return SYSTEM_REGISTERS;
  case SET_SREGS2_PDPTRS: return PDPTR_STATE;
  case GET_MSRS, SET_MSRS: return MSR_STATE;
  case SET_GUEST_DEBUG: return DEBUG_CONTROL;
  else return FPU_STATE;
  end;
end;

--@ source the ioctls that write
function isSet(i: VCPU_IOCTL): boolean;
begin
  return i = SET_REGS | i = SET_SREGS | i = SET_SREGS2 | i = SET_SREGS2_PDPTRS | i = SET_DEBUGREGS | i = SET_XCRS
    | i = SET_XSAVE | i = SET_FPU | i = SET_MSRS;
end;

--@ source kvm.md 2, as a table of type, protection and ioctl: the status
function tableStatus(t: VM_TYPE; isGuarded: boolean; c: IOCTL_CLASS): ANSWER_STATUS;
begin
  if (!isGuarded) then
    return SUCCESS;
  elsif t = SEV_ES_VM | t = SNP_VM | t = TDX_VM then
    return EINVAL;
  elsif c = DEBUG_CONTROL | c = PDPTR_STATE then
    return EINVAL;
  else
    return SUCCESS;
  end;
end;

--@ source kvm.md 2, as a table of type, protection and ioctl: the work that is done
function tableWork(t: VM_TYPE; isGuarded: boolean; c: IOCTL_CLASS): WORK_DONE;
begin
  if (!isGuarded) then
    return ALL_WORK;
  elsif t = SEV_ES_VM | t = SNP_VM | t = TDX_VM then
    return NO_WORK;
  elsif c = SYSTEM_REGISTERS then
    return PART_WORK;
  elsif c = REGISTER_STATE then
    return ALL_WORK;
  else
    return NO_WORK;
  end;
end;

--@ source ghost: kernel code has just read has_private_mem, and will see another value once it is set
procedure noteDecision();
begin
  if phase != READY & hasPrivateMem() != typeHasPrivateMem(requested) then
    decidedEarly := true;
  end;
end;

--@ source kvm_arch_vcpu_ioctl: what the kernel returns
procedure tell(asked: QUESTION_KIND; status: ANSWER_STATUS);
begin
  question := asked;
  answer := status;
end;

--@ source userspace goes on
procedure forgetQuestion();
begin
  question := NOTHING;
  ioctl := GET_REGS;
  askedGuarded := false;
  answer := NO_ANSWER;
  work := NO_WORK;
end;

--@ source kvm_destroy_vm, and the zeroed struct kvm that the next kvm_create_vm gets
procedure noVm();
begin
  phase := NO_VM;
  requested := DEFAULT_VM;
  vmType := DEFAULT_VM;
  fd := false;
  addressSpaces := 2;
  privateMem := false;
  protectedState := false;
  preFault := false;
  needInit := false;
  sevActive := false;
  sevEs := false;
  launch := NOT_STARTED;
  initialisations := 0;
  initByInit2 := false;
  tdState := TD_UNINITIALIZED;
  tdDebug := false;
  for v: VCPU do
    vcpuState[v].created := false;
    vcpuState[v].initialised := false;
    vcpuState[v].guarded := false;
    vcpuState[v].touched := false;
  end;
  for s: SLOT do
    slotKind[s] := NO_SLOT;
  end;
  for g: GFN do
    privateAttribute[g] := false;
  end;
  privateMemAtFd := false;
  decidedEarly := false;
  forgetQuestion();
end;

--@ source arch/x86/kvm/svm/sev.c, __sev_guest_init: an ASID, need_init cleared, SEV active
procedure activateSev(es: boolean);
begin
  sevActive := true;
  sevEs := es;
  needInit := false;
  if initialisations < 2 then
    initialisations := initialisations + 1;
  end;
end;

--@ source no vendor module is loaded
startstate "booted"
begin
  noVm();
  phase := NO_KVM;
  cpu := INTEL;
end;

ruleset vendor: CPU_VENDOR do
  --@ source vm-types.m: everything that the CPU has comes up
  --@ operation load_modules cpu=vendor
  rule "the vendor module is loaded"
    phase = NO_KVM
  ==>
  begin
    cpu := vendor;
    phase := NO_VM;
  end;
end;

ruleset t: VM_TYPE do
  --@ source virt/kvm/kvm_main.c, kvm_create_vm: a zeroed struct kvm
  --@ operation kvm_create_vm type=t
  rule "KVM_CREATE_VM allocates the VM"
    phase = NO_VM & (t = DEFAULT_VM | t = SW_PROTECTED_VM | (t = TDX_VM) = (cpu = INTEL))
  ==>
  begin
    requested := t;
    phase := ALLOCATED;
  end;
end;

--@ source virt/kvm/kvm_main.c, kvm_create_vm: kvm_arch_nr_memslot_as_ids, before kvm_arch_init_vm (kvm.md 1.5)
--@ operation kvm_create_vm_memslots watch_decisions=WATCH_DECISIONS
rule "KVM_CREATE_VM sizes the address spaces"
  phase = ALLOCATED
==>
begin
  noteDecision();
  if hasPrivateMem() then
    addressSpaces := 1;
  end;
  phase := SIZED;
end;

--@ source arch/x86/kvm/x86.c, kvm_arch_init_vm, steps 1 and 2: the type is tested and stored
--@ operation kvm_arch_init_vm_type
rule "kvm_arch_init_vm stores the type"
  phase = SIZED
==>
begin
  vmType := requested;
  phase := TYPED;
end;

--@ source arch/x86/kvm/x86.c, kvm_arch_init_vm, steps 3 and 4: has_private_mem and pre_fault_allowed of the common
--@+ types
--@ operation kvm_arch_init_vm_flags
rule "kvm_arch_init_vm sets the common flags"
  phase = TYPED & question = NOTHING
==>
begin
  privateMem := vmType = SW_PROTECTED_VM;
  preFault := vmType = DEFAULT_VM | vmType = SW_PROTECTED_VM;
  phase := COMMON_FLAGS_SET;
end;

--@ source svm_vm_init and tdx_vm_init (kvm.md 1.6)
--@ operation vm_init
rule "the vendor's vm_init sets the flags of its types"
  phase = COMMON_FLAGS_SET & question = NOTHING
==>
begin
  if vmType = TDX_VM then
    privateMem := TDX_SETS_PRIVATE_MEM;
    protectedState := true;
  elsif vmType != DEFAULT_VM & vmType != SW_PROTECTED_VM then
    privateMem := vmType = SNP_VM;
    protectedState := vmType != SEV_VM;
    preFault := vmType != SNP_VM;
    needInit := true;
  end;
  phase := READY;
end;

--@ source svm_vm_init and tdx_vm_init can fail; kvm_create_vm frees everything again (kvm.md 1.5, step 8)
--@ operation vm_init_fails returns -ENOMEM
rule "the vendor's vm_init fails"
  phase = COMMON_FLAGS_SET & (!fd)
==>
begin
  noVm();
end;

--@ source virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm: the descriptor is installed when kvm_create_vm has returned
--@ operation kvm_install_fd
rule "KVM_CREATE_VM installs the descriptor"
  (!fd) & (phase = READY | (FD_BEFORE_FLAGS & phase = TYPED))
==>
begin
  fd := true;
  privateMemAtFd := hasPrivateMem();
end;

--@ source kvm_put_kvm of the last reference, kvm_destroy_vm
--@ operation close_vm
rule "the last descriptor is closed"
  phase = READY & canCall()
==>
begin
  noVm();
end;

--@ source kvm_vm_ioctl_check_extension_generic and kvm_vm_ioctl_check_extension on a VM's descriptor (kvm.md 1.7, 2.5)
--@ operation query_vm_capabilities
rule "userspace asks for the VM's capabilities"
  canCall()
==>
begin
  tell(CAPABILITIES, SUCCESS);
end;

--@ source userspace takes the answer
--@ operation userspace_continues
rule "userspace goes on"
  question != NOTHING
==>
begin
  forgetQuestion();
end;

ruleset es: boolean do
  --@ source arch/x86/kvm/svm/sev.c, sev_guest_init: for VMs of the default type only (kvm.md 1.8)
  --@ operation KVM_SEV_INIT es=es returns SUCCESS|-EINVAL
  rule "KVM_SEV_INIT or KVM_SEV_ES_INIT"
    canCall() & cpu = AMD
  ==>
  begin
    if (vmType = DEFAULT_VM | (!LEGACY_INIT_NEEDS_DEFAULT)) & noVcpus() & (!sevActive) then
      activateSev(es);
    end;
  end;
end;

--@ source arch/x86/kvm/svm/sev.c, sev_guest_init2: need_init, one of the three types, no vCPU yet, not active (kvm.md
--@+ 1.8)
--@ operation KVM_SEV_INIT2 returns SUCCESS|-EINVAL
rule "KVM_SEV_INIT2"
  canCall() & cpu = AMD
==>
begin
  if isTypedSev() & noVcpus() & ((needInit & (!sevActive)) | (!INIT2_ONCE)) then
    activateSev(vmType != SEV_VM);
    initByInit2 := true;
    if (!INIT2_KEEPS_FLAGS) then
      privateMem := false;
    end;
  end;
end;

--@ source arch/x86/kvm/svm/sev.c, sev_launch_start and snp_launch_start
--@ operation KVM_SEV_LAUNCH_START returns SUCCESS|-ENOTTY|-EINVAL
rule "LAUNCH_START"
  canCall() & cpu = AMD
==>
begin
  if sevActive & launch = NOT_STARTED then
    launch := STARTED;
  end;
end;

--@ source arch/x86/kvm/svm/sev.c, sev_launch_update_vmsa: encrypts the VMSA of every vCPU, whose state is protected
--@+ from then on
--@ operation KVM_SEV_LAUNCH_UPDATE_VMSA returns SUCCESS|-ENOTTY|-EPERM|-EINVAL
rule "KVM_SEV_LAUNCH_UPDATE_VMSA"
  canCall() & cpu = AMD
==>
begin
  if sevEs & vmType != SNP_VM & launch = STARTED then
    for v: VCPU do
      if vcpuState[v].created then
        vcpuState[v].guarded := true;
      end;
    end;
  end;
end;

--@ source arch/x86/kvm/svm/sev.c, sev_launch_finish; snp_launch_finish protects the vCPUs, then allows pre-faulting
--@+ (kvm.md 7.4)
--@ operation KVM_SEV_LAUNCH_FINISH returns SUCCESS|-ENOTTY|-EINVAL
rule "LAUNCH_FINISH"
  canCall() & cpu = AMD
==>
begin
  if launch = STARTED then
    launch := FINISHED;
    if vmType = SNP_VM then
      for v: VCPU do
        if vcpuState[v].created then
          vcpuState[v].guarded := true;
        end;
      end;
      preFault := true;
    end;
  end;
end;

ruleset debug: boolean do
  --@ source arch/x86/kvm/vmx/tdx.c, tdx_td_init: state UNINITIALIZED; the attributes may contain DEBUG (kvm.md 6.2)
  --@ operation KVM_TDX_INIT_VM debug=debug returns SUCCESS|-EINVAL
  rule "KVM_TDX_INIT_VM"
    canCall() & vmType = TDX_VM
  ==>
  begin
    if tdState = TD_UNINITIALIZED then
      tdState := TD_INITIALIZED;
      tdDebug := debug;
    end;
  end;
end;

ruleset v: VCPU do
  --@ source kvm_vm_ioctl_create_vcpu; tdx_vcpu_create: -EIO unless the TD is initialised and not yet runnable (kvm.md
  --@+ 6.2)
  --@ operation KVM_CREATE_VCPU vcpu=v returns SUCCESS|-EIO|-EEXIST
  rule "KVM_CREATE_VCPU"
    canCall()
  ==>
  begin
    if (!vcpuState[v].created) & (vmType != TDX_VM | tdState = TD_INITIALIZED) then
      vcpuState[v].created := true;
      vcpuState[v].guarded := vmType = TDX_VM & (!tdDebug);
    end;
  end;

  --@ source arch/x86/kvm/vmx/tdx.c, tdx_vcpu_init (kvm.md 6.2)
  --@ operation KVM_TDX_INIT_VCPU vcpu=v returns SUCCESS|-EINVAL
  rule "KVM_TDX_INIT_VCPU"
    canCall() & vmType = TDX_VM & vcpuState[v].created
  ==>
  begin
    if (!vcpuState[v].initialised) & tdState = TD_INITIALIZED then
      vcpuState[v].initialised := true;
    end;
  end;

  --@ source svm_vcpu_pre_run: -EINVAL while need_init; tdx_vcpu_pre_run: -EINVAL unless initialised and runnable
  --@ operation KVM_RUN vcpu=v returns SUCCESS|-EINVAL
  rule "KVM_RUN"
    canCall() & vcpuState[v].created
  ==>
  begin
    if needInit | (vmType = TDX_VM & ((!vcpuState[v].initialised) | tdState != TD_RUNNABLE)) then
      tell(RUN, EINVAL);
    else
      tell(RUN, SUCCESS);
    end;
  end;

  --@ source arch/x86/kvm/mmu/mmu.c, kvm_arch_vcpu_pre_fault_memory: -EOPNOTSUPP unless pre_fault_allowed
  --@ operation KVM_PRE_FAULT_MEMORY vcpu=v returns SUCCESS|-EOPNOTSUPP
  rule "KVM_PRE_FAULT_MEMORY"
    canCall() & vcpuState[v].created
  ==>
  begin
    noteDecision();
    if preFault | (!PRE_FAULT_TESTED) then
      tell(PRE_FAULT, SUCCESS);
    else
      tell(PRE_FAULT, EOPNOTSUPP);
    end;
  end;
end;

ruleset v: VCPU; i: VCPU_IOCTL do
  --@ source arch/x86/kvm/x86.c: the tests at the head of each state ioctl (kvm.md 2.1 to 2.4); svm_get_msr, svm_set_msr
  --@ operation vcpu_ioctl vcpu=v ioctl=i returns SUCCESS|-EINVAL
  rule "a vCPU state ioctl"
    canCall() & vcpuState[v].created & (vmType != TDX_VM | classOf(i) != MSR_STATE)
  ==>
  begin
    ioctl := i;
    askedGuarded := vcpuState[v].guarded;
    if vcpuState[v].guarded & hasProtectedState() & REFUSAL & classOf(i) != DEBUG_CONTROL then
      tell(STATE_IOCTL, EINVAL);
    elsif vcpuState[v].guarded & (classOf(i) = FPU_STATE | classOf(i) = MSR_STATE) then
      if SILENT_NO_OP then
        tell(STATE_IOCTL, SUCCESS);
      else
        tell(STATE_IOCTL, EINVAL);
      end;
    elsif vcpuState[v].guarded & (classOf(i) = DEBUG_CONTROL | classOf(i) = PDPTR_STATE) then
      tell(STATE_IOCTL, EINVAL);
    else
      tell(STATE_IOCTL, SUCCESS);
      if vcpuState[v].guarded & classOf(i) = SYSTEM_REGISTERS then
        work := PART_WORK;
      else
        work := ALL_WORK;
      end;
      if vcpuState[v].guarded & isSet(i) & (!VMSA_SEALED) then
        vcpuState[v].touched := true;
      end;
    end;
  end;
end;

--@ source arch/x86/kvm/vmx/tdx.c, tdx_td_finalize: not yet runnable; then RUNNABLE, then pre_fault_allowed (kvm.md 1.6)
--@ source TDX module, TDH.MR.FINALIZE: TDX_NO_VCPUS unless some vCPU is initialised (tdx-snp.md A.7), which is -EIO
--@ operation KVM_TDX_FINALIZE_VM returns SUCCESS|-EINVAL|-EIO
rule "KVM_TDX_FINALIZE_VM"
  canCall() & vmType = TDX_VM
==>
begin
  if tdState = TD_INITIALIZED & (exists v: VCPU do vcpuState[v].initialised end) then
    tdState := TD_RUNNABLE;
    preFault := true;
  end;
end;

ruleset s: SLOT; kind: SLOT_KIND do
  --@ source virt/kvm/kvm_main.c, check_memory_region_flags and kvm_set_memory_region (kvm.md 3.3); NO_SLOT deletes
  --@ operation KVM_SET_USER_MEMORY_REGION2 slot=s kind=kind returns SUCCESS|-EINVAL
  rule "KVM_SET_USER_MEMORY_REGION2"
    canCall()
  ==>
  begin
    noteDecision();
    if kind = NO_SLOT then
      slotKind[s] := NO_SLOT;
    elsif slotKind[s] = NO_SLOT then
      if kind = PLAIN_SLOT | (kind = GMEM_SLOT & hasPrivateMem())
        | (kind = READONLY_SLOT & ((!hasProtectedState()) | (!READONLY_TESTED))) then
        slotKind[s] := kind;
      end;
    end;
  end;
end;

ruleset g: GFN; private: boolean do
  --@ source virt/kvm/kvm_main.c, kvm_vm_ioctl_set_mem_attributes: PRIVATE is supported only with has_private_mem
  --@+ (kvm.md 3.10)
  --@ operation KVM_SET_MEMORY_ATTRIBUTES gfn=g private=private returns SUCCESS|-EINVAL
  rule "KVM_SET_MEMORY_ATTRIBUTES"
    canCall()
  ==>
  begin
    noteDecision();
    if (!private) | hasPrivateMem() | (!ATTRIBUTES_TESTED) then
      privateAttribute[g] := private;
    end;
  end;
end;

--@ source kvm.md 1.6, the matrix with its phases
invariant "flags of a VM that userspace can see match its type"
  question = CAPABILITIES
    -> (hasPrivateMem() = typeHasPrivateMem(vmType) & hasProtectedState() = typeHasProtectedState(vmType)
      & preFault = ((vmType != SNP_VM | launch = FINISHED) & (vmType != TDX_VM | tdState = TD_RUNNABLE)));

--@ source the thread of April 2024: a TDX VM without private memory makes no sense
invariant "a TDX VM that userspace can see has private memory and protected state"
  (question = CAPABILITIES & vmType = TDX_VM) -> (hasPrivateMem() & hasProtectedState());

--@ source kvm.md 1.6: no row changes the first column after creation
invariant "has_private_mem never changes once userspace can see the VM"
  fd -> (hasPrivateMem() = privateMemAtFd);

--@ source kvm.md 1.6: pre_fault_allowed of SNP and TDX
invariant "an SNP or TDX VM allows pre-faulting only after LAUNCH_FINISH or FINALIZE_VM succeeded"
  (fd & (vmType = SNP_VM | vmType = TDX_VM) & (preFault | (question = PRE_FAULT & answer = SUCCESS)))
    -> (launch = FINISHED | tdState = TD_RUNNABLE);

--@ source kvm.md 2.1 to 2.4
invariant "every gated ioctl answers as the table of type, protection and ioctl says"
  (question = STATE_IOCTL
    -> (answer = tableStatus(vmType, askedGuarded, classOf(ioctl))
      & work = tableWork(vmType, askedGuarded, classOf(ioctl))))
  & forall v: VCPU do (!vcpuState[v].touched) end;

--@ source kvm.md 1.7, kvm_supported_mem_attributes
invariant "private attributes exist only on VMs with private memory"
  forall g: GFN do privateAttribute[g] -> hasPrivateMem() end;

--@ source kvm.md 2.5, kvm_arch_has_readonly_mem
invariant "read-only slots exist only on VMs without protected state"
  forall s: SLOT do slotKind[s] = READONLY_SLOT -> (!hasProtectedState()) end;

--@ source kvm.md 1.8: already active is refused
invariant "SEV is initialised at most once"
  initialisations <= 1;

--@ source kvm.md 1.6: need_init and svm_vcpu_pre_run
invariant "a VM of an SEV type cannot run before INIT2"
  (question = RUN & answer = SUCCESS & isTypedSev()) -> initByInit2;

--@ source kvm.md 1.5, the sizing of the address spaces; the thread of April 2024 on states that make no sense
invariant "no kernel code decides on has_private_mem before it is set"
  WATCH_DECISIONS -> (!decidedEarly);
