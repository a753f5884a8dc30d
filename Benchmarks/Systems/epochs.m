--@ title TLB tracking by epochs: TDH.MEM.RANGE.BLOCK, TDH.MEM.TRACK, TDH.MEM.PAGE.REMOVE
--@ source TDX module ABI specification: TD_EPOCH, BEPOCH and REFCOUNT of TLB tracking
--@ abstraction the epoch counter ends: with no epoch left, TRACK is refused
--@ abstraction both REFCOUNTs are said by what they count: vCPUs inside with the epoch in which they entered
-- For measuring provers (Benchmarks/): every scalarset may grow, and so may the number of epochs, whose order is part of the protocol.
const
  ENTRIES: 2;
  VCPUS: 2;
  EPOCHS: 3;
type
  entry: scalarset(ENTRIES);
  vcpu: scalarset(VCPUS);
  epoch: 0..EPOCHS - 1;
  entryState: enum { FREE, MAPPED, BLOCKED };
var
  now: epoch;                                                     -- TD_EPOCH
  state: array[entry] of entryState;
  blockedIn: array[entry] of epoch;                               -- BEPOCH, of a blocked entry
  inside: array[vcpu] of boolean;
  entered: array[vcpu] of epoch;                                  -- the epoch of the vCPU's last entry
  tlb: array[vcpu] of array[entry] of boolean;

-- Every translation from before the block is gone: no vCPU is left that entered in its epoch or before.
function is_tracked(e: entry): boolean; begin
  return blockedIn[e] < now & (forall v: vcpu do inside[v] -> entered[v] > blockedIn[e] end);
end;

--@ source TDH.MEM.TRACK: TDX_PREVIOUS_TLB_EPOCH_BUSY
rule "track" now < EPOCHS - 1 & (forall v: vcpu do inside[v] -> entered[v] = now end) ==> begin
  now := now + 1;
end;

ruleset e: entry do
  --@ source TDH.MEM.PAGE.AUG
  rule "map" state[e] = FREE ==> begin state[e] := MAPPED; end;
  --@ source TDH.MEM.RANGE.BLOCK
  rule "block" state[e] = MAPPED ==> begin state[e] := BLOCKED; blockedIn[e] := now; end;
  --@ source TDH.MEM.RANGE.UNBLOCK
  rule "unblock" state[e] = BLOCKED & is_tracked(e) ==> begin state[e] := MAPPED; end;
  --@ source TDH.MEM.PAGE.REMOVE: TDX_TLB_TRACKING_NOT_DONE
  rule "remove" state[e] = BLOCKED & is_tracked(e) ==> begin state[e] := FREE; end;
  ruleset v: vcpu do
    --@ source hardware page walk
    rule "fill" inside[v] & state[e] = MAPPED ==> begin tlb[v][e] := true; end;
  end;
end;

ruleset v: vcpu do
  --@ source TDH.VP.ENTER: the TLB is flushed when the vCPU is behind
  rule "enter" !inside[v] ==> begin
    inside[v] := true;
    if entered[v] != now then
      for e: entry do tlb[v][e] := false; end;
      entered[v] := now;
    end;
  end;
  rule "exit" inside[v] ==> begin inside[v] := false; end;
end;

--@ source TDH.MNG.INIT
startstate begin
  now := 0;
  for e: entry do state[e] := FREE; blockedIn[e] := 0; end;
  for v: vcpu do
    inside[v] := false; entered[v] := 0;
    for e: entry do tlb[v][e] := false; end;
  end;
end;

--@ source TLB tracking
invariant "no vCPU uses a translation to a free page"
  forall v: vcpu do forall e: entry do (inside[v] & tlb[v][e]) -> state[e] != FREE end end;
--@ source TDH.MEM.TRACK
invariant "a vCPU inside is at most one epoch behind"
  forall v: vcpu do inside[v] -> (entered[v] = now | entered[v] + 1 = now) end;
