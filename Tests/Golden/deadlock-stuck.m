-- With `stuck` a rule that changes nothing counts as leaving the state.
-- kvmcheck: prove invariants
-- expect: exit 0
-- expect: default | in range | proved | - | as expected
--@ title Stuck only
--@ deadlock stuck
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "stay" x = 3 ==> begin x := 3; end;
invariant "in range" x <= 3;
