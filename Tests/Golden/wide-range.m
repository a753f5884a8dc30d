-- A wide range as such is legal.
-- kvmcheck: prove invariants
-- expect: exit 0
-- expect: default | in range | proved | - | as expected
var x: 0..1000000000000;
startstate begin x := 0; end;
rule "far" x = 0 ==> begin x := 999999999999; end;
rule "back" x > 0 ==> begin x := 0; end;
invariant "in range" x <= 999999999999;
