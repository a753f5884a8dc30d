-- Without a start state k-induction has a base that says nothing: vacuous, never proved.
-- kvmcheck: prove invariants --engine k-induction --deadlock off
-- expect: exit 12
-- expect: default | t | vacuous | - | not as expected
-- expect: default | no run-time error | vacuous | - | not as expected
var x: 0..1;
rule "a" begin x := 1; end;
invariant "t" x = 1;
