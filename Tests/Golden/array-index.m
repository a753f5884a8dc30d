-- An index outside its type is a run-time error at the index.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | element | violated | 4 | not as expected
-- expect: default | no run-time error | violated | 4 | not as expected
var x: 0..4;
  a: array [0..3] of boolean;
startstate begin x := 0; for i: 0..3 do a[i] := false; end; end;
rule "up" x < 4 ==> begin x := x + 1; end;
rule "again" x = 4 ==> begin x := 0; end;
invariant "element" !a[x];
