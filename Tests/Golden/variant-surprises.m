-- A variant that holds where a violation was promised is a failure.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 10
-- expect: default | even | proved | - | as expected
-- expect: jumps | even | proved | - | not as expected
--@ title A variant
--@ variant jumps: JUMP=true => violates "even"
const JUMP: false;
var x: 0..3;
startstate begin x := 0; end;
rule "two" begin x := x = 0 ? 2 : 0; end;
rule "jump" JUMP ==> begin x := 2; end;
invariant "even" x % 2 = 0;
