-- Reading what was never assigned is a run-time error.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | in range | proved | - | as expected
-- expect: default | no run-time error | violated | 1 | not as expected
var x: 0..3; y: boolean;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "reads" y ==> begin x := 0; end;
invariant "in range" x <= 3;
