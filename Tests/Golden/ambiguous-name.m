-- A variant that names one of two properties is an error: nobody could say which of them it means.
-- kvmcheck: prove invariants
-- expect: exit 40
-- expect: default | the file is a model | rejected | - | not as expected
--@ title Which one
--@ variant other: => holds "either"
var x: boolean;
startstate begin x := false; end;
rule "flip" begin x := !x; end;
invariant "either" x | !x;
invariant "either" x | !x;
