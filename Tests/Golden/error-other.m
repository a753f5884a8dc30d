-- Another run-time error than the expected one is not as expected.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 10
-- expect: default | in range | proved | - | as expected
-- expect: fails | error "no three" | violated | 3 | not as expected
--@ title Other
--@ variant fails: FAIL=true => error "no three"
const FAIL: false;
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "fails" FAIL & x = 2 ==> begin error "no two"; end;
invariant "in range" x <= 3;
