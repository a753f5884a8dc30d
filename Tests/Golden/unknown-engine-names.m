-- Policies and events are looked up when the file is loaded: what the engine does not know is a located error.
-- kvmcheck: prove invariants --variant odd
-- expect: exit 40
-- expect: default | the file is a model | rejected | - | not as expected
--@ title Unknown names
--@ variant odd: N=1 => violates "off" by use-after-freedom policy gmem-topple
const N: 0;
var x: boolean;
startstate begin x := N = 1; end;
rule "idle" begin end;
invariant "off" !x;
