--@ title VM types: who advertises them, who accepts them, and what is stored
--@ source Linux 6.16 and 6.19, arch/x86/kvm: x86.c (kvm_x86_vendor_init, kvm_is_vm_type_supported, kvm_arch_init_vm),
--@+ mmu/mmu.c (kvm_configure_mmu), svm/sev.c (sev_hardware_setup, sev_set_cpu_caps), vmx/main.c (vt_init),
--@+ vmx/tdx.c (tdx_bringup); virt/kvm/kvm_main.c (kvm_init)
--@ abstraction The argument of KVM_CREATE_VM is a record: its low 8 bits exactly, and whether any bit is set among 8
--@+ to 15, 16 to 31 and 32 to 63. Every test made here (below 32, truncation to u8 and u32, remainder by 64) is exact
--@+ on that record.
--@ abstraction A shift by 64 or more is undefined in C; here its count wraps modulo 64, as the x86 instruction does.
--@ abstraction Conditions that are only ever tested together are one condition. sev: parameter, nrips, CPU features
--@+ SEV, DECODEASSISTS and FLUSHBYASID, ASIDs present. sev_es: parameter, CPU feature, LBRV, least SEV ASID not 1.
--@+ sev_snp: parameter and CC_ATTR_HOST_SEV_SNP. tdx: parameter. tdx_platform: EPT A/D bits, APICv, OSXSAVE, MOVDIR64B,
--@+ SELFSNOOP, TDX host platform, virtualisation enabled at load. tdp: EPT or NPT enabled. The checks inside the TDX
--@+ bring-up are its result.
--@ abstraction A condition is chosen when the code reads it and may change from one load to the next: parameters do,
--@+ BIOS settings do after a kexec. The CPU's vendor stays. The mask belongs to kvm.ko and outlives the vendor module.
--@ abstraction At most one VM exists. The test of the type and the store are one step: the mask does not change while
--@+ /dev/kvm is open, because an open descriptor holds the module, so that nothing can come between them.

--@ variant check-type-after-truncation-u8: TRUNCATE_TO_U8=true
--@+ => violates "an accepted type is advertised" by vm-type-unadvertised,
--@+ violates "the stored type is the type that was asked for" by vm-type-unadvertised,
--@+ violates "KVM_CAP_VM_TYPES names exactly the types that KVM_CREATE_VM does not refuse" by vm-type-unadvertised,
--@+ holds "vm_type bitmask never exceeds 31" design "a VM type is a bit of a 32-bit mask"
--@ variant check-type-after-truncation-u32: TRUNCATE_TO_U32=true
--@+ => violates "an accepted type is advertised" by vm-type-unadvertised,
--@+ violates "the stored type is the type that was asked for" by vm-type-unadvertised,
--@+ violates "KVM_CAP_VM_TYPES names exactly the types that KVM_CREATE_VM does not refuse" by vm-type-unadvertised,
--@+ holds "vm_type bitmask never exceeds 31" design "a VM type is a bit of a 32-bit mask"
--@ variant no-below-32-test: TEST_BELOW_32=false
--@+ => violates "an accepted type is advertised" by vm-type-unadvertised,
--@+ violates "the stored type is the type that was asked for" by vm-type-unadvertised,
--@+ violates "KVM_CAP_VM_TYPES names exactly the types that KVM_CREATE_VM does not refuse" by vm-type-unadvertised,
--@+ holds "every advertised type is an enumerated type" design "a VM type is a bit of a 32-bit mask"
--@ variant assign-mask-after-vendor: ASSIGN_BEFORE_VENDOR=false
--@+ => violates "every type whose hardware and module came up at load is advertised" by vm-type-missing,
--@+ holds "a type is advertised only if its hardware and module were up at load",
--@+ holds "whenever /dev/kvm can be opened the default type is advertised"
--@ variant or-into-stale-mask: ASSIGN_REPLACES=false
--@+ => violates "a type is advertised only if its hardware and module were up at load" by vm-type-without-hardware,
--@+ holds "every type whose hardware and module came up at load is advertised",
--@+ holds "TDX and SEV types are never advertised together"
--@ variant sw-protected-without-tdp-mmu: SW_PROTECTED_NEEDS_TDP_MMU=false
--@+ => violates "a type is advertised only if its hardware and module were up at load" by vm-type-without-hardware,
--@+ holds "every type whose hardware and module came up at load is advertised"
--@ variant thirty-third-type: THIRTY_THIRD_TYPE=true
--@+ => violates "vm_type bitmask never exceeds 31" by vm-type-mask-overflow,
--@+ holds "an accepted type is advertised", holds "the stored type is the type that was asked for",
--@+ holds "every advertised type is an enumerated type" design "a VM type is a bit of a 32-bit mask"
--@ variant tdx-advertised-after-failed-bring-up: TDX_NEEDS_BRING_UP=false
--@+ => violates "a type is advertised only if its hardware and module were up at load" by vm-type-without-hardware,
--@+ holds "every type whose hardware and module came up at load is advertised",
--@+ holds "TDX and SEV types are never advertised together"

--@ observable module_phase=phase
--@ observable vm_types_mask[bit: MASK_BIT]=mask[bit]
--@ observable vm_types_answer[bit: MASK_BIT]=told[bit]
--@ observable pending_answer=answer
--@ observable vm_exists=vmExists
--@ observable vm_type=vmType

const
  -- The type is cut to 8 bits before it is tested.
  TRUNCATE_TO_U8: false;
  -- The type is cut to 32 bits before it is tested.
  TRUNCATE_TO_U32: false;
  -- kvm_is_vm_type_supported compares with 32 before it shifts.
  TEST_BELOW_32: true;
  -- The common code writes BIT(0) before the vendor's hardware_setup runs.
  ASSIGN_BEFORE_VENDOR: true;
  -- ... and assigns it, so that no bit of an earlier load survives.
  ASSIGN_REPLACES: true;
  -- SW_PROTECTED is offered only with the TDP MMU.
  SW_PROTECTED_NEEDS_TDP_MMU: true;
  -- Somebody adds a type whose number is 32.
  THIRTY_THIRD_TYPE: false;
  -- The TDX bit depends on enable_tdx after the bring-up, not before.
  TDX_NEEDS_BRING_UP: true;
  -- Unused: makes rumur count in a type wider than the bytes that it must count through.
  WIDE_ENOUGH: 65535;

type
  CPU_VENDOR: enum { INTEL, AMD, OTHER };
  -- What the loading code has just done.
  LOAD_PHASE: enum {
    UNLOADED, PROBED, MASK_WRITTEN, MMU_CONFIGURED, SEV_PROBED, CAPS_SET, VENDOR_READY, TDX_PROBED, TYPES_COMPLETE,
    EXPOSED };
  VM_TYPE: enum { DEFAULT_VM, SW_PROTECTED_VM, SEV_VM, SEV_ES_VM, SNP_VM, TDX_VM, TYPE_32_VM };
  STATUS: enum { NO_ANSWER, SUCCESS, EINVAL, EOPNOTSUPP };
  BRING_UP: enum { WORKS, NO_DEVICE, FAILS };
  -- A bit of the u32 mask.
  MASK_BIT: 0..31;
  -- A bit of the 64-bit value that BIT() makes.
  WIDE_BIT: 0..63;
  BYTE: 0..255;

var
  cpu: CPU_VENDOR;
  phase: LOAD_PHASE;
  -- kvm_caps.supported_vm_types
  mask: array [MASK_BIT] of boolean;
  -- Ghost: everything that was ever ORed in since the mask was assigned, before it was cut to 32 bits.
  written: array [WIDE_BIT] of boolean;
  -- Ghost: the types whose hardware, parameters and module are all there in this load.
  up: array [VM_TYPE] of boolean;
  -- What the code has found out so far; meaningful only while the module loads.
  tdpEnabled: boolean;
  tdpMmuEnabled: boolean;
  mmioCaching: boolean;
  sevEnabled: boolean;
  sevEsEnabled: boolean;
  sevSnpEnabled: boolean;
  tdxRequested: boolean;
  enableTdx: boolean;
  -- The answer to KVM_CHECK_EXTENSION(KVM_CAP_VM_TYPES), if it was asked for since the module was loaded.
  queried: boolean;
  told: array [MASK_BIT] of boolean;
  -- The argument that userspace is about to pass, or has passed.
  chosen: boolean;
  asked: record
    low: BYTE;
    bits8: boolean;
    bits16: boolean;
    bits32: boolean;
  end;
  -- What an ioctl has returned, until userspace goes on.
  answer: STATUS;
  vmExists: boolean;
  -- kvm->arch.vm_type, a u8; 0 while there is no VM.
  vmType: BYTE;

--@ source arch/x86/include/uapi/asm/kvm.h: KVM_X86_DEFAULT_VM to KVM_X86_TDX_VM (kvm.md 1.1)
function numberOf(t: VM_TYPE): WIDE_BIT;
begin
  switch t
  case DEFAULT_VM: return 0;
  case SW_PROTECTED_VM: return 1;
  case SEV_VM: return 2;
  case SEV_ES_VM: return 3;
  case SNP_VM: return 4;
  case TDX_VM: return 5;
  else return 32;
  end;
end;

--@ source the uapi header: the types that have a name
function isType(t: VM_TYPE): boolean;
begin
  return THIRTY_THIRD_TYPE | t != TYPE_32_VM;
end;

--@ source arch/x86/kvm/x86.c, kvm_vm_ioctl_check_extension, KVM_CAP_VM_TYPES: bit n stands for type n
function isAdvertised(t: VM_TYPE): boolean;
begin
  return numberOf(t) < 32 & mask[numberOf(t)];
end;

--@ source the writers of kvm_caps.supported_vm_types: the BIT(n) that is ORed in has 64 bits, the mask has 32
procedure advertise(t: VM_TYPE);
begin
  written[numberOf(t)] := true;
  if numberOf(t) < 32 then
    mask[numberOf(t)] := true;
  end;
end;

--@ source arch/x86/kvm/x86.c, kvm_x86_vendor_init: the mask becomes BIT(KVM_X86_DEFAULT_VM)
procedure assignDefault();
begin
  if ASSIGN_REPLACES then
    for b: MASK_BIT do
      mask[b] := false;
    end;
    for w: WIDE_BIT do
      written[w] := false;
    end;
  end;
  advertise(DEFAULT_VM);
end;

--@ source arch/x86/kvm/x86.c, kvm_is_vm_type_supported: below 32, and the bit is set (kvm.md 1.4)
function isSupported(low: BYTE; bits8: boolean; bits16: boolean; bits32: boolean): boolean;
begin
  if TRUNCATE_TO_U8 then
    return low < 32 & mask[low];
  elsif TRUNCATE_TO_U32 then
    return (!bits8) & (!bits16) & low < 32 & mask[low];
  elsif TEST_BELOW_32 then
    return (!bits8) & (!bits16) & (!bits32) & low < 32 & mask[low];
  else
    return low % 64 < 32 & mask[low % 64];
  end;
end;

--@ source what the code has found out is of no use to anybody once the mask is complete
procedure forgetConditions();
begin
  tdpEnabled := false;
  tdpMmuEnabled := false;
  mmioCaching := false;
  sevEnabled := false;
  sevEsEnabled := false;
  sevSnpEnabled := false;
  tdxRequested := false;
  enableTdx := false;
end;

--@ source a failed load or an unload: nothing is up, nothing can be asked; kvm.ko keeps its mask
procedure unload();
begin
  phase := UNLOADED;
  forgetConditions();
  queried := false;
  for t: VM_TYPE do
    up[t] := false;
  end;
  for b: MASK_BIT do
    told[b] := false;
  end;
end;

--@ source back in userspace: nothing is asked, no VM
procedure forgetQuestion();
begin
  chosen := false;
  asked.low := 0;
  asked.bits8 := false;
  asked.bits16 := false;
  asked.bits32 := false;
  answer := NO_ANSWER;
  vmExists := false;
  vmType := 0;
end;

ruleset vendor: CPU_VENDOR do
  --@ source a booted machine: kvm.ko's data is zero, no vendor module is loaded
  startstate "booted"
  begin
    cpu := vendor;
    for b: MASK_BIT do
      mask[b] := false;
    end;
    for w: WIDE_BIT do
      written[w] := false;
    end;
    unload();
    forgetQuestion();
  end;
end;

--@ source vmx_init and svm_init: without VMX or SVM, -EOPNOTSUPP before anything is touched
--@ operation modprobe cpu=cpu returns SUCCESS|-EOPNOTSUPP
rule "load the vendor module"
  phase = UNLOADED & answer = NO_ANSWER
==>
begin
  if cpu = OTHER then
    answer := EOPNOTSUPP;
  else
    phase := PROBED;
  end;
end;

--@ source arch/x86/kvm/x86.c, kvm_x86_vendor_init: the mask is assigned before hardware_setup (kvm.md 1.2, write 1)
--@ operation kvm_x86_vendor_init
rule "common code assigns the mask"
  phase = PROBED
==>
begin
  if ASSIGN_BEFORE_VENDOR then
    assignDefault();
  end;
  phase := MASK_WRITTEN;
end;

ruleset tdp: boolean; tdpMmu: boolean; mmio: boolean do
  --@ source arch/x86/kvm/mmu/mmu.c, kvm_configure_mmu: the TDP MMU needs its parameter and TDP (kvm.md 1.3)
  --@ operation kvm_configure_mmu tdp=tdp tdp_mmu=tdpMmu mmio_caching=mmio
  rule "hardware_setup configures the MMU"
    phase = MASK_WRITTEN
  ==>
  begin
    tdpEnabled := tdp;
    tdpMmuEnabled := tdp & tdpMmu;
    mmioCaching := mmio;
    if cpu = AMD then
      phase := MMU_CONFIGURED;
    else
      phase := CAPS_SET;
    end;
  end;
end;

ruleset sev: boolean; es: boolean; snp: boolean; firmware: boolean; snpState: boolean do
  --@ source arch/x86/kvm/svm/sev.c, sev_hardware_setup: SEV, then SEV-ES, then SNP, then the firmware's answer (kvm.md
  --@+ 1.3)
  --@ operation sev_hardware_setup sev=sev sev_es=es sev_snp=snp firmware=firmware snp_initialized=snpState
  rule "hardware_setup probes SEV"
    phase = MMU_CONFIGURED
  ==>
  begin
    sevEnabled := sev & tdpEnabled;
    sevEsEnabled := sevEnabled & es & mmioCaching;
    sevSnpEnabled := sevEsEnabled & snp;
    if sevEnabled then
      if (!firmware) then
        sevEnabled := false;
        sevEsEnabled := false;
        sevSnpEnabled := false;
      elsif (!snpState) then
        sevSnpEnabled := false;
      end;
    end;
    up[SEV_VM] := tdpEnabled & sev & firmware;
    up[SEV_ES_VM] := tdpEnabled & mmioCaching & sev & es & firmware;
    up[SNP_VM] := tdpEnabled & mmioCaching & sev & es & snp & firmware & snpState;
    phase := SEV_PROBED;
  end;
end;

--@ source arch/x86/kvm/svm/sev.c, sev_set_cpu_caps, called by svm_set_cpu_caps (kvm.md 1.2, write 2)
--@ operation svm_set_cpu_caps
rule "hardware_setup advertises the SEV types"
  phase = SEV_PROBED
==>
begin
  if sevEnabled then
    advertise(SEV_VM);
  end;
  if sevEsEnabled then
    advertise(SEV_ES_VM);
  end;
  if sevSnpEnabled then
    advertise(SNP_VM);
  end;
  phase := CAPS_SET;
end;

ruleset config: boolean do
  --@ source arch/x86/kvm/x86.c, kvm_x86_vendor_init after hardware_setup: CONFIG_KVM_SW_PROTECTED_VM and the TDP MMU
  --@+ (kvm.md 1.2, write 3)
  --@ operation kvm_x86_vendor_init_end config_sw_protected=config
  rule "common code advertises SW_PROTECTED"
    phase = CAPS_SET
  ==>
  begin
    if (!ASSIGN_BEFORE_VENDOR) then
      assignDefault();
    end;
    if config & (tdpMmuEnabled | (!SW_PROTECTED_NEEDS_TDP_MMU)) then
      advertise(SW_PROTECTED_VM);
    end;
    up[SW_PROTECTED_VM] := config & tdpMmuEnabled;
    if THIRTY_THIRD_TYPE then
      advertise(TYPE_32_VM);
      up[TYPE_32_VM] := true;
    end;
    if cpu = INTEL then
      phase := VENDOR_READY;
    else
      phase := TYPES_COMPLETE;
    end;
  end;
end;

ruleset param: boolean; platform: boolean; result: BRING_UP do
  --@ source arch/x86/kvm/vmx/tdx.c, tdx_bringup: a failed check or -ENODEV only clears enable_tdx, any other error
  --@+ fails the load (kvm.md 1.3)
  --@ operation tdx_bringup tdx=param tdx_platform=platform result=result returns SUCCESS|-EIO
  rule "vt_init brings TDX up"
    phase = VENDOR_READY
  ==>
  begin
    tdxRequested := param;
    enableTdx := param & tdpMmuEnabled & mmioCaching & platform;
    up[TDX_VM] := tdpMmuEnabled & mmioCaching & platform & param & result = WORKS;
    phase := TDX_PROBED;
    if enableTdx & result = NO_DEVICE then
      enableTdx := false;
    elsif enableTdx & result = FAILS then
      unload();
    end;
  end;
end;

--@ source arch/x86/kvm/vmx/main.c, vt_init: the TDX bit iff enable_tdx is still true, before kvm_init (kvm.md 1.2,
--@+ write 4)
--@ operation vt_init_advertise_tdx
rule "vt_init advertises TDX"
  phase = TDX_PROBED
==>
begin
  if enableTdx | (tdxRequested & (!TDX_NEEDS_BRING_UP)) then
    advertise(TDX_VM);
  end;
  phase := TYPES_COMPLETE;
end;

--@ source virt/kvm/kvm_main.c, kvm_init: registers /dev/kvm, as the last step of both vendor modules
--@ operation kvm_init
rule "kvm_init exposes /dev/kvm"
  phase = TYPES_COMPLETE
==>
begin
  up[DEFAULT_VM] := true;
  forgetConditions();
  phase := EXPOSED;
end;

--@ source every step of loading can fail, for instance for want of memory; what was done is undone, the mask stays
--@+ written
--@ operation module_load_fails returns -ENOMEM
rule "loading fails"
  phase != UNLOADED & phase != EXPOSED
==>
begin
  unload();
end;

--@ source rmmod is refused while a descriptor of /dev/kvm or of a VM is open
--@ operation rmmod
rule "unload the vendor module"
  phase = EXPOSED & (!chosen) & answer = NO_ANSWER
==>
begin
  unload();
end;

--@ source arch/x86/kvm/x86.c, kvm_vm_ioctl_check_extension, KVM_CAP_VM_TYPES: the whole u32
--@ operation KVM_CAP_VM_TYPES
rule "userspace asks for KVM_CAP_VM_TYPES"
  phase = EXPOSED & (!chosen) & answer = NO_ANSWER & (!queried)
==>
begin
  queried := true;
  for b: MASK_BIT do
    told[b] := mask[b];
  end;
end;

ruleset low: BYTE do
  --@ source userspace, before the ioctl: any unsigned long
  rule "userspace picks the low byte of a type"
    phase = EXPOSED & (!chosen) & answer = NO_ANSWER
  ==>
  begin
    chosen := true;
    asked.low := low;
  end;
end;

ruleset b8: boolean; b16: boolean; b32: boolean do
  --@ source arch/x86/kvm/x86.c, kvm_arch_init_vm: the type is tested, then stored into a u8 (kvm.md 1.4, 1.5)
  --@ operation KVM_CREATE_VM type=asked.low bits_8_15=b8 bits_16_31=b16 bits_32_63=b32 returns SUCCESS|-EINVAL
  rule "KVM_CREATE_VM"
    phase = EXPOSED & chosen & answer = NO_ANSWER
  ==>
  begin
    asked.bits8 := b8;
    asked.bits16 := b16;
    asked.bits32 := b32;
    if isSupported(asked.low, b8, b16, b32) then
      answer := SUCCESS;
      vmExists := true;
      vmType := asked.low;
    else
      answer := EINVAL;
    end;
  end;
end;

--@ source userspace takes the answer; the VM's last descriptor is closed
--@ operation userspace_continues close=vmExists
rule "userspace goes on"
  answer != NO_ANSWER
==>
begin
  forgetQuestion();
end;

--@ source KVM_CAP_VM_TYPES is a u32, one bit per type; the list's objection to more bits in the type (April 2024)
invariant "vm_type bitmask never exceeds 31"
  forall w: WIDE_BIT do w <= 31 | (!written[w]) end;

--@ source KVM_CAP_VM_TYPES is ABI: a bit without a type would promise one
invariant "every advertised type is an enumerated type"
  forall b: MASK_BIT do mask[b] -> exists t: VM_TYPE do isType(t) & numberOf(t) = b end end;

--@ source kvm.md 1.2 and 1.3: the bits are ORed in with the values after probing
invariant "every type whose hardware and module came up at load is advertised"
  phase = EXPOSED -> forall t: VM_TYPE do up[t] -> isAdvertised(t) end;

--@ source kvm.md 1.2 and 1.3; SW_PROTECTED without the TDP MMU was a bug (a1176ef5c92a)
invariant "a type is advertised only if its hardware and module were up at load"
  phase = EXPOSED -> forall t: VM_TYPE do isAdvertised(t) -> up[t] end;

--@ source kvm.md 1.4
invariant "an accepted type is advertised"
  vmExists -> ((!asked.bits8) & (!asked.bits16) & (!asked.bits32) & asked.low < 32 & mask[asked.low]);

--@ source kvm.md 1.5: the field is a u8, the argument an unsigned long
invariant "the stored type is the type that was asked for"
  vmExists -> ((!asked.bits8) & (!asked.bits16) & (!asked.bits32) & asked.low = vmType);

--@ source kvm.md 1.1 and 1.4: userspace chooses by the mask
invariant "KVM_CAP_VM_TYPES names exactly the types that KVM_CREATE_VM does not refuse"
  (queried & chosen & answer != NO_ANSWER)
    -> (answer = SUCCESS) = ((!asked.bits8) & (!asked.bits16) & (!asked.bits32) & asked.low < 32 & told[asked.low]);

--@ source kvm.md 1.2: SEV bits come from kvm-amd, the TDX bit from kvm-intel
invariant "TDX and SEV types are never advertised together"
  isAdvertised(TDX_VM) -> ((!isAdvertised(SEV_VM)) & (!isAdvertised(SEV_ES_VM)) & (!isAdvertised(SNP_VM)));

--@ source kvm.md 1.2, write 1
invariant "whenever /dev/kvm can be opened the default type is advertised"
  phase = EXPOSED -> isAdvertised(DEFAULT_VM);
