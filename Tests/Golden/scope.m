-- A scope replaces constants.
-- kvmcheck: prove invariants --scope low
-- expect: exit 0
-- expect: low | below two | proved | - | as expected
--@ title A scope
--@ scope low: TOP=1
const TOP: 3;
var x: 0..3;
startstate begin x := 0; end;
rule "up" x < TOP ==> begin x := x + 1; end;
rule "again" x = TOP ==> begin x := 0; end;
invariant "below two" x < 2;
