-- A variant that violates what it promised to hold fails with 10.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 10
-- expect: default | even | proved | - | as expected
-- expect: jumps | even | violated | 1 | not as expected
--@ title A variant
--@ variant jumps: JUMP=true => holds
const JUMP: false;
var x: 0..3;
startstate begin x := 0; end;
rule "two" begin x := x = 0 ? 2 : 0; end;
rule "jump" JUMP ==> begin x := 1; end;
invariant "even" x % 2 = 0;
