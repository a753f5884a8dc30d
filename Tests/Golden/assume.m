-- An assumption cuts off the states that violate it, and what lies behind them.
-- kvmcheck: prove invariants
-- expect: exit 0
-- expect: default | below two | proved | - | as expected
var x: 0..3;
startstate "zero" begin x := 0; end;
rule "up" x < 2 ==> begin x := x + 1; end;
rule "again" x = 1 ==> begin x := 0; end;
assume "not two" x != 2;
invariant "below two" x < 2;
