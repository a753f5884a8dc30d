-- An invariant that fails: the trace is a shortest one, here of two steps.
-- kvmcheck: prove invariants
-- expect: exit 10
-- expect: default | never three | violated | 2 | not as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
rule "jump" x = 0 ==> begin x := 2; end;
invariant "never three" x != 3;
