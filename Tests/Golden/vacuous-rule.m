-- A rule that can never fire was never checked.
-- kvmcheck: prove invariants
-- expect: exit 12
-- expect: default | in range | proved | - | as expected
-- expect: default | every rule fires | vacuous | - | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "never" x > 3 ==> begin x := 0; end;
invariant "in range" x <= 3;
