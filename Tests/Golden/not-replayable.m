-- A variant that names an event needs a replay: an operation that the engine does not have fails.
-- kvmcheck: prove invariants --variant odd
-- expect: exit 10
-- expect: odd | off | violated | 1 | not as expected
--@ title No operation
--@ observable file_open[f: F]=x
--@ bind F = file 0 step 1
--@ variant odd: N=1 => violates "off" by use-after-free policy right
const N: 0;
type F: scalarset(1);
var x: boolean;
startstate begin x := false; end;
--@ operation gmem_conjure file=0
rule "on" N = 1 & !x ==> begin x := true; end;
--@ operation gmem_close file=0
rule "off" N = 1 & x ==> begin x := false; end;
rule "idle" begin end;
invariant "off" !x;
