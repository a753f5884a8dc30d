-- A page may be dirty while its entry is frozen or present, for different reasons: told apart, each has a lemma for every size. "Not present" has none: the first proof was not for every size before.
-- kvmcheck: prove invariants --engine pdr --deadlock off
-- expect: exit 0
-- expect: default | no dirty page is freed | proved-any-size | - | as expected
-- expect: default | a frozen entry is in the hands of a fault | proved-any-size | - | as expected
const PAGES: 2; VCPUS: 2;
type
  page: scalarset(PAGES);
  vcpu: scalarset(VCPUS);
var
  entry: array[page] of enum { NONE, FROZEN, PRESENT };
  dirty: array[page] of boolean;
  filling: array[vcpu] of boolean;
  at: array[vcpu] of array[page] of boolean;
  zap: enum { IDLE, WALK, DONE };
  bad: boolean;
startstate begin
  for p: page do entry[p] := NONE; dirty[p] := false; end;
  for v: vcpu do filling[v] := false; for p: page do at[v][p] := false; end; end;
  zap := IDLE; bad := false;
end;
ruleset v: vcpu do
  ruleset p: page do
    rule "fault" zap = IDLE & !filling[v] & entry[p] = NONE ==> begin
      entry[p] := FROZEN; filling[v] := true; at[v][p] := true; dirty[p] := true;
    end;
    rule "publish" filling[v] & at[v][p] ==> begin
      entry[p] := PRESENT; filling[v] := false; at[v][p] := false;
    end;
  end;
end;
rule "lock" zap = IDLE & !(exists v: vcpu do filling[v] end) ==> begin zap := WALK; end;
ruleset p: page do
  rule "zap" zap = WALK & entry[p] = PRESENT ==> begin entry[p] := NONE; dirty[p] := false; end;
end;
rule "free" zap = WALK & !(exists p: page do entry[p] = PRESENT end) ==> begin
  bad := exists p: page do dirty[p] end; zap := IDLE;
end;
invariant "no dirty page is freed" !bad;
invariant "a frozen entry is in the hands of a fault"
  forall p: page do entry[p] = FROZEN -> (exists v: vcpu do filling[v] & at[v][p] end) end;
