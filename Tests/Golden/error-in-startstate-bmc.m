-- A run-time error in a start state, which has no state before it.
-- kvmcheck: prove invariants --engine bmc --deadlock off
-- expect: exit 10
-- expect: default | z | bounded | 30 | not as expected
-- expect: default | no run-time error | violated | 0 | not as expected
var x: 0..3; y: 0..3;
ruleset s: 0..5 do startstate begin y := 1; x := s; end; end;
rule "i" begin x := 3 - x; end;
invariant "z" x >= 0;
