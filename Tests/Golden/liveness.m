-- `liveness` is parsed and refused with a place.
-- kvmcheck: prove invariants
-- expect: exit 40
-- expect: default | the file is a model | rejected | - | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
liveness "comes back" x = 0;
