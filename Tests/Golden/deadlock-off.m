-- With `off` nobody looks for deadlocks.
-- kvmcheck: prove invariants
-- expect: exit 0
-- expect: default | in range | proved | - | as expected
--@ title Off
--@ deadlock off
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
invariant "in range" x <= 3;
