-- A ruleset too wide to enumerate ends in `limit`, not in a crash.
-- kvmcheck: prove invariants
-- expect: exit 30
-- expect: default | in range | limit | - | not as expected
-- expect: default | no run-time error | limit | - | not as expected
-- expect: default | no deadlock | limit | - | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
ruleset i: 0..1000000000000 do rule "r" i = x ==> begin x := 0; end; end;
invariant "in range" x <= 3;
