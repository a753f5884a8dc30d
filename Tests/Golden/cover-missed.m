-- A cover that is never reached is vacuous.
-- kvmcheck: prove invariants
-- expect: exit 12
-- expect: default | in range | proved | - | as expected
-- expect: default | beyond | vacuous | - | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
cover "beyond" x > 3;
invariant "in range" x <= 3;
