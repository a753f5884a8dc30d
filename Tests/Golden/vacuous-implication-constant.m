-- An implication that a constant switches off, and no scope or variant on, is never triggered; as a rule is.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 12
-- expect: default | never | proved | - | as expected
-- expect: default | tested | proved | - | as expected
-- expect: default | every implication is triggered | vacuous | - | not as expected
-- expect: tested | tested | proved | - | as expected
--@ title Constants in front
--@ variant tested: TESTED=true => holds "tested"
const ON: false; TESTED: false;
var x: 0..3;
startstate begin x := 0; end;
rule "up" x < 2 ==> begin x := x + 1; end;
rule "again" x = 2 ==> begin x := 0; end;
invariant "never" ON -> x = 2;
invariant "tested" TESTED -> x < 3;
