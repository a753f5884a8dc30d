-- A rule that only a variant fires counts as fired.
-- kvmcheck: prove invariants
-- expect: exit 0
-- expect: default | in range | proved | - | as expected
--@ title Elsewhere
--@ variant jumps: JUMP=true => holds
const JUMP: false;
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "jump" JUMP & x = 0 ==> begin x := 2; end;
invariant "in range" x <= 3;
