-- An assumption that no start state meets leaves nothing to check.
-- kvmcheck: prove invariants
-- expect: exit 12
-- expect: default | in range | vacuous | - | not as expected
-- expect: default | no run-time error | vacuous | - | not as expected
-- expect: default | no deadlock | vacuous | - | not as expected
-- expect: default | every rule fires | vacuous | - | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
assume "impossible" x > 0;
invariant "in range" x <= 3;
