-- A state that nothing leaves: by default a rule that changes nothing does not count as leaving.
-- kvmcheck: prove invariants
-- expect: exit 11
-- expect: default | in range | proved | - | as expected
-- expect: default | no deadlock | deadlock | 3 | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "stay" x = 3 ==> begin x := 3; end;
invariant "in range" x <= 3;
