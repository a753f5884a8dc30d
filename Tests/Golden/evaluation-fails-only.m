-- A property that cannot be evaluated does not hold, though its run-time error has no row.
-- kvmcheck: prove invariants --all-variants --only safe
-- expect: exit 10
-- expect: default | safe | proved | - | as expected
-- expect: held | safe | violated | 4 | not as expected
-- expect: broken | safe | violated | 4 | not as expected
--@ title A property that cannot be evaluated
--@ variant held: B=true => holds "safe"
--@ variant broken: B=true => violates "safe"
--@ variant error: B=true => error "outside"
const B: false;
var a: array[0..3] of boolean; i: 0..4;
startstate begin for k: 0..3 do a[k] := false; end; i := 0; end;
rule "n" i < (B ? 4 : 3) ==> begin i := i + 1; end;
rule "r" i >= 3 ==> begin i := 0; end;
invariant "safe" !a[i];
invariant "small" i <= 4;
