-- Assigning a value outside the range is a run-time error of the step that does it.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | in range | proved | - | as expected
-- expect: default | no run-time error | violated | 4 | not as expected
-- expect: default | no deadlock | deadlock | 3 | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" begin x := x + 1; end;
invariant "in range" x <= 3;
