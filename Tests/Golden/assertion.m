-- A failed `assert` is a property of its own.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | in range | proved | - | as expected
-- expect: default | small | violated | 3 | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "asserts" begin assert "small" x < 2; end;
invariant "in range" x <= 3;
