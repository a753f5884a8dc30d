-- A file that switches deadlock detection off, and a command line that switches it on: the deadlock is a row.
-- kvmcheck: prove invariants --engine explicit --deadlock stuck
-- expect: exit 11
-- expect: default | in range | proved | - | as expected
-- expect: default | no deadlock | deadlock | 1 | not as expected
--@ title a file that means off
--@ deadlock off
var x: 0..1;
startstate "zero" begin x := 0; end;
rule "up" x = 0 ==> begin x := 1; end;
invariant "in range" x <= 1;
