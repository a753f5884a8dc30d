-- A variant starts from the scope that it names.
-- kvmcheck: prove invariants --variant fine
-- expect: exit 0
-- expect: fine | below two | proved | - | as expected
--@ title In a scope
--@ scope low: TOP=1
--@ variant fine: UP=1 in low => holds "below two"
const TOP: 3;
const UP: 2;
var x: 0..3;
startstate begin x := 0; end;
rule "up" x < TOP ==> begin x := x + 1; end;
rule "again" x = TOP ==> begin x := 0; end;
invariant "below two" x < UP + 1;
