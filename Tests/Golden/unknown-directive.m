-- A directive that nobody knows is an error, not a comment.
-- kvmcheck: prove invariants
-- expect: exit 40
-- expect: default | the file is a model | rejected | - | not as expected
--@ nonsense here
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 3 ==> begin x := x + 1; end;
rule "again" x = 3 ==> begin x := 0; end;
invariant "in range" x <= 3;
