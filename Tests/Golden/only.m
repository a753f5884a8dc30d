-- --only decides and reports one property.
-- kvmcheck: prove invariants --only in-range
-- expect: exit 0
-- expect: default | in-range | proved | - | as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
invariant "in-range" x <= 3;
invariant "never two" x != 2;
