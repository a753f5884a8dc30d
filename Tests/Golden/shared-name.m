-- Two properties of one name are legal, as to rumur: a warning, and a row for each in the order of the text.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | either | proved | - | as expected
-- expect: default | either | violated | 1 | not as expected
--@ title One name twice
var x: boolean;
startstate begin x := false; end;
rule "flip" begin x := !x; end;
invariant "either" x | !x;
invariant "either" !x;
