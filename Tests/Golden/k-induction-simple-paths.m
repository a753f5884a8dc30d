-- Unreachable states can go round in a loop for ever before the bad one: paths without repeated states prove the property.
-- kvmcheck: prove invariants --engine k-induction --depth 6 --deadlock off
-- expect: exit 0
-- expect: default | not seven | proved | 5 | as expected
var x: 0..7;
startstate "zero" begin x := 0; end;
rule "stay" x = 0 | x = 3 ==> begin end;
rule "up" x >= 3 & x < 7 ==> begin x := x + 1; end;
rule "switch" x < 2 ==> begin x := 1 - x; end;
invariant "not seven" x != 7;
