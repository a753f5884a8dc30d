-- k-induction proves what is inductive; deadlock is not its question, and what nobody checked is no success.
-- kvmcheck: prove invariants --engine k-induction
-- expect: exit 21
-- expect: default | in range | proved | 1 | as expected
-- expect: default | no deadlock | unknown | - | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
invariant "in range" x <= 3;
