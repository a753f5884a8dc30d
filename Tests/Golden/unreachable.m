-- A variant may say that a rule never fires or a cover is never hit.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 0
-- expect: default | in range | proved | - | as expected
-- expect: low | unreachable "three" | proved | - | as expected
-- expect: low | unreachable "reset" | proved | - | as expected
--@ title Unreachable
--@ variant low: TOP=1 => unreachable "three", unreachable "reset"
const TOP: 3;
var x: 0..3;
startstate begin x := 0; end;
rule "up" x < TOP ==> begin x := x + 1; end;
rule "again" x = TOP ==> begin x := 0; end;
rule "reset" x = 3 ==> begin x := 0; end;
cover "three" x = 3;
invariant "in range" x <= 3;
