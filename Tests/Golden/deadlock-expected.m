-- A variant may say that its deadlock is expected.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 0
-- expect: default | in range | proved | - | as expected
-- expect: no-way-back | no deadlock | deadlock | 3 | as expected
--@ title Expected
--@ variant no-way-back: BACK=false => deadlock
const BACK: true;
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" BACK & x = 3 ==> begin x := 0; end;
invariant "in range" x <= 3;
