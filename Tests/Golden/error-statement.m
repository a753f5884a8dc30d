-- An `error` statement is a run-time error with its own words.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | in range | proved | - | as expected
-- expect: default | no run-time error | violated | 3 | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "fails" x = 2 ==> begin error "no two"; end;
invariant "in range" x <= 3;
