-- A run-time error after a write in the same body: the solver's trace says how far the body came, as re-execution does.
-- kvmcheck: prove invariants --engine bmc --deadlock off
-- expect: exit 10
-- expect: default | z | bounded | 30 | not as expected
-- expect: default | no run-time error | violated | 2 | not as expected
var c: 0..3; o: 0..2; t: boolean;
startstate begin c := 0; t := false; end;
rule "c" c < 3 ==> begin c := c + 1; if c = 2 & o = 1 then t := true; end; end;
invariant "z" c <= 3;
