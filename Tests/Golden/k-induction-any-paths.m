-- Unreachable states can go round in a loop for ever before the bad one: no k proves the property if paths may repeat states.
-- kvmcheck: prove invariants --engine k-induction --depth 6 --paths any --deadlock off
-- expect: exit 20
-- expect: default | not seven | bounded | 5 | not as expected
var x: 0..7;
startstate "zero" begin x := 0; end;
rule "stay" x = 0 | x = 3 ==> begin end;
rule "up" x >= 3 & x < 7 ==> begin x := x + 1; end;
rule "switch" x < 2 ==> begin x := 1 - x; end;
invariant "not seven" x != 7;
