-- An implication whose left side is never true proves nothing.
-- kvmcheck: prove invariants
-- expect: exit 12
-- expect: default | implies | proved | - | as expected
-- expect: default | every implication is triggered | vacuous | - | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
invariant "implies" x > 3 -> x = 0;
