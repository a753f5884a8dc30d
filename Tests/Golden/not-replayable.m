-- A variant that names an event needs a replay: an unknown policy fails.
-- kvmcheck: prove invariants --variant odd
-- expect: exit 10
-- expect: odd | off | violated | 1 | not as expected
--@ title No policy
--@ observable file_open[f: F]=x
--@ bind F = file 0 step 1
--@ variant odd: N=1 => violates "off" by use-after-free
const N: 0;
type F: scalarset(1);
var x: boolean;
startstate begin x := false; end;
--@ operation gmem_create file=0
rule "on" N = 1 & !x ==> begin x := true; end;
--@ operation gmem_close file=0
rule "off" N = 1 & x ==> begin x := false; end;
rule "idle" begin end;
invariant "off" !x;
