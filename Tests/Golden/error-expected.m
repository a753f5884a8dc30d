-- A variant may say which run-time error is expected, by its text.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 0
-- expect: default | in range | proved | - | as expected
-- expect: fails | error "no two" | violated | 3 | as expected
--@ title Expected
--@ variant fails: FAIL=true => error "no two"
const FAIL: false;
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "fails" FAIL & x = 2 ==> begin error "no two"; end;
invariant "in range" x <= 3;
