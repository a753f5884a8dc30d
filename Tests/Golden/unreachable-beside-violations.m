-- That a rule is never reached is decided by the whole search, though everything else that is asked was violated before.
-- kvmcheck: prove invariants --all-variants
-- expect: exit 0
-- expect: late | unreachable "dead" | proved | - | as expected
--@ title Unreachable beside a run-time error and a deadlock
--@ scope reached: C=true
--@ variant late: B=true => unreachable "dead"
const B: false; C: false;
var x: 0..5;
startstate begin x := 0; end;
rule "i" x < 5 ==> begin x := x + 1; if B & x = 4 then error "boom"; end; end;
rule "z" x = 5 ==> begin x := 0; end;
rule "dead" x = 5 & C ==> begin x := 1; end;
