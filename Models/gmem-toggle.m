--@ title guest_memfd bindings when a memslot's KVM_MEM_GUEST_MEMFD flag is cleared (GMEM-TOGGLE)
--@ source Linux 6.16.1 and 6.19 virt/kvm/kvm_main.c __kvm_set_memory_region, virt/kvm/guest_memfd.c; fix 9935df5333aa ("Disallow toggling KVM_MEM_GUEST_MEMFD on an existing memslot")
--@ abstraction a memslot covers the whole file: at most one slot is bound to a file at a time; slots_lock makes each ioctl one step
--@ abstraction the bug (ALLOW_TOGGLE) is in 6.16 and fixed in 6.19; nothing else of this model differs between them
--@ abstraction the second copy of each memslot (the inactive one) is not modelled; no vCPU looks at the slots
--@ bind slot = slot 0 step 1
--@ bind file = file 0 step 1
--@ bind object = memslot 0 step 1
--@ observable slot_object[s: slot, o: object]=slotObject[s][o]
--@ observable gmem_binding[f: file, o: object]=binding[f][o]
--@ observable memslot_file[o: object, f: file]=objectFile[o][f]
--@ observable memslot_allocated[o: object]=allocated[o]
--@ observable file_open[f: file]=open[f]
--@ scope two: FILES=2
--@ scope one-slot: SLOTS=1 OBJECTS=2
--@ variant every-kind-twice: in two => holds policy right
--@ variant toggle: ALLOW_TOGGLE=true =>
--@+  violates "guest_memfd binds only memslots that are in use" by memslot-freed-while-bound,
--@+  violates "closing guest_memfd writes only to memslots that are in use" by use-after-free bug GMEM-TOGGLE policy gmem-toggle
--@ variant toggle-unbinds: ALLOW_TOGGLE=true UNBIND_OLD=true => holds policy gmem-toggle+gmem-unbind-old

const
  SLOTS: 2;                       -- slot ids
  FILES: 1;                       -- guest_memfd files
  OBJECTS: 3;                     -- struct kvm_memory_slot

  ALLOW_TOGGLE: false;            -- bug GMEM-TOGGLE when true: the test of KVM_MEM_GUEST_MEMFD looks at the new flags only
  UNBIND_OLD: false;              -- the hardening: committing new flags unbinds the old memslot

type
  slot: scalarset(SLOTS);
  file: scalarset(FILES);
  object: scalarset(OBJECTS);

var
  slotObject: array[slot] of array[object] of boolean;    -- the memslot in use for the slot id
  allocated: array[object] of boolean;
  objectFile: array[object] of array[file] of boolean;    -- slot->gmem.file; none: no KVM_MEM_GUEST_MEMFD, or the file is closed
  guestMemfd: array[object] of boolean;                   -- slot->flags has KVM_MEM_GUEST_MEMFD
  binding: array[file] of array[object] of boolean;       -- gmem->bindings
  open: array[file] of boolean;
  wroteFreed: boolean;                                    -- ghost: a freed memslot was written

--@ source kvm_main.c
function in_use(s: slot): boolean;
begin
  return exists o: object do slotObject[s][o] end;
end;

--@ source guest_memfd.c
function bound(f: file): boolean;
begin
  return exists o: object do binding[f][o] end;
end;

-- kvm_gmem_unbind: nothing if the file is closed.
--@ source guest_memfd.c kvm_gmem_unbind
procedure unbind(o: object);
begin
  for f: file do
    if objectFile[o][f] then binding[f][o] := false; end;
    objectFile[o][f] := false;
  end;
end;

--@ source slab
procedure free_object(o: object);
begin
  allocated[o] := false;
  guestMemfd[o] := false;
  for f: file do objectFile[o][f] := false; end;
end;

ruleset f: file do
  --@ source KVM_CREATE_GUEST_MEMFD
  --@ operation gmem_create file=f
  rule "KVM_CREATE_GUEST_MEMFD" (!open[f]) ==>
  begin
    open[f] := true;
  end;

  -- Writes slot->gmem.file of every bound memslot.
  --@ source kvm_gmem_release
  --@ operation gmem_close file=f
  rule "close of guest_memfd" open[f] ==>
  begin
    for o: object do
      if binding[f][o] then
        if (!allocated[o]) then wroteFreed := true; end;
        objectFile[o][f] := false;
        binding[f][o] := false;
      end;
    end;
    open[f] := false;
  end;
end;

ruleset s: slot do
  ruleset o: object do
    ruleset f: file do
      --@ source __kvm_set_memory_region, kvm_gmem_bind
      --@ operation memslot_create slot=s memslot=o file=f
      rule "KVM_SET_USER_MEMORY_REGION2 creates a memslot on guest_memfd" (!in_use(s)) & (!allocated[o]) & open[f] & (!(bound(f))) ==>
      begin
        allocated[o] := true;
        guestMemfd[o] := true;
        slotObject[s][o] := true;
        objectFile[o][f] := true;
        binding[f][o] := true;
      end;
    end;

    --@ source __kvm_set_memory_region
    --@ operation memslot_create_plain slot=s memslot=o
    rule "KVM_SET_USER_MEMORY_REGION2 creates a plain memslot" (!in_use(s)) & (!allocated[o]) ==>
    begin
      allocated[o] := true;
      slotObject[s][o] := true;
    end;

    --@ source kvm_delete_memslot, kvm_free_memslot
    --@ operation memslot_delete slot=s
    rule "KVM_SET_USER_MEMORY_REGION2 deletes the memslot" slotObject[s][o] ==>
    begin
      unbind(o);
      slotObject[s][o] := false;
      free_object(o);
    end;

    ruleset n: object do
      -- A plain slot may change its flags; the new memslot replaces the old one.
      --@ source KVM_MR_FLAGS_ONLY, kvm_update_flags_memslot
      --@ operation memslot_flags slot=s memslot=n
      rule "KVM_SET_USER_MEMORY_REGION2 changes flags" slotObject[s][o] & (!guestMemfd[o]) & (!allocated[n]) ==>
      begin
        allocated[n] := true;
        slotObject[s][n] := true;
        slotObject[s][o] := false;
        free_object(o);
      end;

      -- The right kernel answers -EINVAL. Otherwise: FLAGS_ONLY, the new memslot has no binding, the old one is freed.
      --@ source kvm_main.c before 9935df5333aa
      --@ operation memslot_clear_guest_memfd slot=s memslot=n
      rule "KVM_SET_USER_MEMORY_REGION2 clears KVM_MEM_GUEST_MEMFD" ALLOW_TOGGLE & slotObject[s][o] & guestMemfd[o] & (!allocated[n]) ==>
      begin
        if UNBIND_OLD then unbind(o); end;
        allocated[n] := true;
        slotObject[s][n] := true;
        slotObject[s][o] := false;
        free_object(o);
      end;
    end;

    --@ source 9935df5333aa
    --@ operation memslot_clear_guest_memfd slot=s memslot=o returns -EINVAL
    rule "KVM_SET_USER_MEMORY_REGION2 refuses to clear KVM_MEM_GUEST_MEMFD" (!ALLOW_TOGGLE) & slotObject[s][o] & guestMemfd[o] ==>
    begin
      -- -EINVAL
    end;
  end;
end;

--@ source nothing exists yet
startstate "no memslots" begin
  for o: object do
    allocated[o] := false;
    guestMemfd[o] := false;
    for s: slot do slotObject[s][o] := false; end;
    for f: file do
      objectFile[o][f] := false;
      binding[f][o] := false;
    end;
  end;
  for f: file do open[f] := false; end;
  wroteFreed := false;
end;

--@ source guest_memfd.c, struct kvm_gmem
invariant "guest_memfd binds only memslots that are in use"
  forall f: file do forall o: object do binding[f][o] -> (allocated[o] & objectFile[o][f] & (exists s: slot do slotObject[s][o] end)) end end;

--@ source kvm_gmem_release
invariant "closing guest_memfd writes only to memslots that are in use" (!wroteFreed);

--@ source kvm_gmem_bind
invariant "a memslot that names a file is bound by it"
  forall o: object do forall f: file do objectFile[o][f] -> (open[f] & binding[f][o]) end end;

--@ source kvm_main.c
invariant "a slot id has at most one memslot, a memslot one slot id"
  (forall s: slot do forall o: object do forall n: object do (slotObject[s][o] & slotObject[s][n]) -> o = n end end end)
  & (forall o: object do forall s: slot do forall u: slot do (slotObject[s][o] & slotObject[u][o]) -> s = u end end end);
