-- The command line's deadlock mode wins over the file's, in the re-execution of the trace too: here a rule fires for ever without effect.
-- kvmcheck: prove invariants --engine explicit --deadlock stuttering
-- expect: exit 11
-- expect: default | in range | proved | - | as expected
-- expect: default | no deadlock | deadlock | 1 | not as expected
--@ title a file that means stuck
--@ deadlock stuck
var x: 0..1;
startstate "zero" begin x := 0; end;
rule "up" x = 0 ==> begin x := 1; end;
rule "nothing" x = 1 ==> begin x := 1; end;
invariant "in range" x <= 1;
