-- Bounded search alone proves nothing: exit 20.
-- kvmcheck: prove invariants --engine bmc --depth 6 --deadlock off
-- expect: exit 20
-- expect: default | in range | bounded | 6 | not as expected
-- expect: default | no run-time error | bounded | 6 | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
invariant "in range" x <= 3;
