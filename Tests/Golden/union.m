-- Unions are parsed and refused with a place.
-- kvmcheck: prove invariants
-- expect: exit 40
-- expect: default | the file is a model | rejected | - | not as expected
type A: scalarset(2);
  B: enum { one };
  U: union { A, B };
var u: U;
startstate begin end;
