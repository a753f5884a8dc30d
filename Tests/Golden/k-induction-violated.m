-- k-induction checks every base depth, though the model deadlocks before the last.
-- kvmcheck: prove invariants --engine k-induction --deadlock off
-- expect: exit 10
-- expect: default | never two | violated | 2 | not as expected
var x: 0..3;
startstate begin x := 0; end;
rule "up" x < 2 ==> begin x := x + 1; end;
invariant "never two" x != 2;
