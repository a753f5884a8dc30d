--@ title Pages that move between guests, are freed and used again: an RMP, and what vCPUs remember of it
--@ source AMD APM vol. 2, 15.36, and SEV-SNP: RMPUPDATE, PVALIDATE, the RMP check of a page walk
--@ abstraction 4K pages only; the host's nested page tables are not modelled: it may map anything at any time, only the RMP stands in its way
--@ abstraction a vCPU stays on one processor, whose TLB is flushed when it enters with a flush requested
-- For measuring provers (Benchmarks/): every scalarset may grow.
const
  GUESTS: 2;
  FRAMES: 2;                                                      -- guest frames of each guest
  PAGES: 2;                                                       -- host pages
  VCPUS: 2;
type
  guest: scalarset(GUESTS);
  frame: scalarset(FRAMES);
  page: scalarset(PAGES);
  vcpu: scalarset(VCPUS);
  pageState: enum { FREE, ASSIGNED, VALIDATED, LEAVING };         -- LEAVING: out of the RMP, perhaps still in TLBs
var
  state: array[page] of pageState;
  owner: array[page] of guest;                                    -- of a page that is not free
  place: array[page] of frame;                                    -- the frame at which the owner has it
  known: array[guest] of array[frame] of boolean;                 -- the guest's own note: this frame is validated
  waits: array[page] of array[vcpu] of boolean;                   -- a leaving page waits for the vCPU to come out
  created: array[vcpu] of boolean;
  guestOf: array[vcpu] of guest;                                  -- of a created vCPU
  inside: array[vcpu] of boolean;                                 -- in the guest
  flush: array[vcpu] of boolean;                                  -- the TLB is flushed at the next entry
  tlb: array[vcpu] of array[frame] of array[page] of boolean;

ruleset p: page do
  ruleset g: guest do ruleset f: frame do
    --@ source RMPUPDATE
    rule "the host assigns a page" state[p] = FREE ==> begin
      state[p] := ASSIGNED; owner[p] := g; place[p] := f;
    end;
  end; end;

  --@ source RMPUPDATE; snp_free_firmware_pages, kick of all vCPUs
  rule "the host takes a page back" state[p] = ASSIGNED | state[p] = VALIDATED ==> begin
    state[p] := LEAVING;
    for v: vcpu do flush[v] := true; waits[p][v] := inside[v]; end;
  end;

  --@ source kvm_gmem_free_folio
  rule "a page is free again" state[p] = LEAVING & (forall v: vcpu do !waits[p][v] end) ==> begin
    state[p] := FREE;
  end;

  ruleset v: vcpu do
    --@ source PVALIDATE: a guest validates a frame once
    rule "a guest validates"
      inside[v] & state[p] = ASSIGNED & owner[p] = guestOf[v] & !known[guestOf[v]][place[p]] ==> begin
      state[p] := VALIDATED;
      known[owner[p]][place[p]] := true;
    end;

    --@ source PVALIDATE
    rule "a guest rescinds" inside[v] & state[p] = VALIDATED & owner[p] = guestOf[v] ==> begin
      state[p] := ASSIGNED;
      known[owner[p]][place[p]] := false;
    end;

    --@ source the RMP check at the end of a page walk
    rule "a TLB is filled" inside[v] & state[p] = VALIDATED & owner[p] = guestOf[v] ==> begin
      tlb[v][place[p]][p] := true;
    end;
  end;
end;

ruleset v: vcpu do
  ruleset g: guest do
    --@ source an ASID that is new to the processor
    rule "a vCPU is created" !created[v] ==> begin created[v] := true; guestOf[v] := g; flush[v] := true; end;
  end;
  rule "a vCPU is destroyed" created[v] & !inside[v] ==> begin created[v] := false; end;
  --@ source VMRUN with TLB_CONTROL
  rule "enter" created[v] & !inside[v] ==> begin
    inside[v] := true;
    if flush[v] then
      flush[v] := false;
      for f: frame do for p: page do tlb[v][f][p] := false; end; end;
    end;
  end;
  --@ source #VMEXIT
  rule "exit" inside[v] ==> begin
    inside[v] := false;
    for p: page do waits[p][v] := false; end;
  end;
end;

ruleset g: guest do
  --@ source sev_vm_destroy
  rule "a guest ends" (forall v: vcpu do created[v] -> guestOf[v] != g end) & (forall p: page do state[p] != FREE -> owner[p] != g end) ==> begin
    for f: frame do known[g][f] := false; end;
  end;
end;

--@ source nothing runs, all pages are the host's
ruleset h: guest do ruleset k: frame do startstate begin
  for p: page do
    state[p] := FREE; owner[p] := h; place[p] := k;
    for v: vcpu do waits[p][v] := false; end;
  end;
  for g: guest do for f: frame do known[g][f] := false; end; end;
  for v: vcpu do
    created[v] := false; guestOf[v] := h; inside[v] := false; flush[v] := true;
    for f: frame do for p: page do tlb[v][f][p] := false; end; end;
  end;
end; end; end;

--@ source SEV-SNP: confidentiality
invariant "a vCPU in its guest reaches only pages of that guest, at their frames"
  forall v: vcpu do forall f: frame do forall p: page do
    (inside[v] & tlb[v][f][p]) -> (state[p] != FREE & owner[p] = guestOf[v] & place[p] = f) end end end;
--@ source SEV-SNP: integrity
invariant "a guest's frame has at most one validated page"
  forall p: page do forall q: page do
    (state[p] = VALIDATED & state[q] = VALIDATED & owner[p] = owner[q] & place[p] = place[q]) -> p = q end end;
