-- Copies of a rule over a scalarset, and a property quantified over it.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | not all | violated | 3 | not as expected
type P: scalarset(3);
var a: array [P] of boolean;
startstate begin for p: P do a[p] := false; end; end;
ruleset p: P do rule "flip" begin a[p] := !a[p]; end; end;
invariant "not all" exists p: P do !a[p] end;
