/// Tiny models, one per statement and expression form.
enum Forms {
  /// Two small ranges, one with negative values, and a boolean.
  private static let numbers = "const low: -1; type R: -2..1; N: 0..3; var x: R; n: N; b: boolean;"
  /// An array indexed by a scalarset, an enumeration, and a place for each.
  private static let containers = """
    type S: scalarset(2); E: enum {A, B}; P: record f: boolean; end;
    var s: S; e: E; a: array [S] of boolean; p: P;
    """
  /// Records to be copied.
  private static let copies = """
    type E: enum {A, B}; P: record f: boolean; g: E; end;
    var i: boolean; q: array [boolean] of P;
    """

  static let all = expressions + places + statements + loops + calls + rules + properties

  private static let expressions: [Form] = [
    Form("undefined read", numbers, "n := n;"),
    Form("sum and range of the target", numbers, "n := n + x;"),
    Form("difference", numbers, "x := x - n;"),
    Form("product", numbers, "x := x * n;"),
    Form("division truncates, zero fails", numbers, "x := x / n + n / x;"),
    Form("remainder has the dividend's sign", numbers, "x := x % n + n % x - x % (0-2);"),
    Form("negation", numbers, "x := -x;"),
    Form("wide intermediates", numbers, "b := x * x * x * 1000 > n * 7919 - 4611686018427387904;"),
    Form("order", numbers, "b := (x < n) = (n <= x + 1); n := x >= 1 ? 2 : 3; b := b & x > -1;"),
    Form("equality", numbers, "b := x = n | x != 0 - n;"),
    Form("bits", numbers, "x := x & n; b := (x | n) = (x ^ n); x := ~x;"),
    Form("shifts", numbers, "b := (x << n) >= (n << x) | (x >> n) = (n >> x);"),
    Form("short circuit of and", numbers, "b := n != 0 & 3 / n = 1;"),
    Form("short circuit of or", numbers, "b := n = 0 | 3 / n = 1;"),
    Form("short circuit of implication", numbers, "b := n != 0 -> 3 / n = 1;"),
    Form("not", numbers, "b := !(b & !(x = 1));"),
    Form("left before right", numbers, "b := 1 / n = n / x;"),
    Form("conditional evaluates one branch", numbers, "x := b ? 2 / n : 2 / x;"),
    Form("isundefined", containers, "p.f := isundefined(e); a[s] := isundefined(a[s]);"),
    Form("forall stops", numbers, "b := forall i: N do i < n -> 2 / (i - x) >= 0 end;"),
    Form("exists stops", numbers, "b := exists i: N do i = n | 2 / (i - x) > 1 end;"),
    Form("quantified bounds", numbers, "b := exists i := x to n do i * i = 4 end;"),
    Form("quantified over a container", containers, "p.f := forall t: S do a[t] -> t = s end;"),
    Form("equality of records", copies, "i := q[false] = q[true];"),
    Form("inequality of arrays", copies, "if q != q then clear q; end; i := q[i] != q[!i];"),
    Form("conditional record", copies, "q[false] := (i ? q[true] : q[false]);"),
  ]

  private static let places: [Form] = [
    Form("element", containers, "a[s] := !a[s];"),
    Form("field", containers, "p.f := a[s]; a[s] := p.f = isundefined(e);"),
    Form("index out of range", "var x: 0..3; a: array [1..2] of 0..3;", "a[x] := a[x] + 1;"),
    Form("index of an index", "var a: array [0..2] of 0..3;", "a[a[0]] := a[a[a[1]]];"),
    Form(
      "two dimensions", "var x: 0..1; y: boolean; a: array [0..1] of array [boolean] of 0..1;",
      "a[x][y] := 1 - a[1 - x][!y];"),
    Form("element of a record of an array", copies, "q[i].f := q[!i].f; q[q[i].f].g := B;"),
    Form("whole copy with undefined parts", copies, "q[i] := q[!i];"),
    Form(
      "whole array copy", "var a: array [boolean] of boolean; c: array [boolean] of boolean;",
      "a := c; c[true] := a[false];"),
    Form("value before place", "var x: 0..2; a: array [0..1] of 0..2;", "a[x] := 1 + a[x / x];"),
  ]

  private static let statements: [Form] = [
    Form("clear", copies, "clear q[i]; i := q[!i].g = B;"),
    Form("clear a negative range", numbers, "clear x; clear n;"),
    Form("undefine", copies, "undefine q[i].g; undefine i;"),
    Form("if", numbers, "if x < 0 then n := 1; elsif 2 / x = n then x := 0; elsif b then n := x; else b := true; end;"),
    Form("if without else", numbers, "if b then x := x + 1; end; n := x;"),
    Form("nested if", numbers, "if b then if x > 0 then b := false; n := x; end; else x := n - 2; end; x := -x;"),
    Form(
      "switch", numbers, "switch x case -2, n: x := 0; case 1 / n: b := true; case -1: n := 3; else b := false; end;"),
    Form("switch without a match", containers, "switch e case A: e := B; case B: e := A; s := s; end;"),
    Form("switch on a boolean", numbers, "switch b case true: n := 0; case x = 1: n := 1; end;"),
    Form("error", numbers, "if x = n then error \"equal\"; end; x := 0;"),
    Form("put", numbers, "put \"text\"; put 1 / x; x := 1;"),
    Form("assert", numbers, "assert x <= n \"below\"; n := 0; assert \"again\" b; x := 1;"),
    Form("assume", numbers, "assume x <= n; x := 1 / n; assume b; n := 2;"),
    Form("assume and failure in either order", numbers, "x := 1 / x; assume n = 1; n := 3 / n; assert b;"),
    Form("cover", numbers, "cover x = n; cover 1 / n = x; n := 1;"),
    Form(
      "return in the middle", numbers,
      "if b then n := 0; return; end; if x > 0 then x := 0; if n = 1 then return; end; b := true; end; n := 3;"),
    Form(
      "alias fixes its index", "var x: 0..1; a: array [0..1] of 0..2;",
      "alias c: a[x]; v: x + 1; do x := 1 - x; c := v; a[x] := c; end;"),
    Form("alias of an alias", copies, "alias r: q[i]; f: r.f; do i := !i; f := i; r.g := A; end;"),
    Form("alias index fails", "var x: 0..3; a: array [1..2] of 0..1;", "alias c: a[x] do x := 0; c := 1; end;"),
  ]

  private static let loops: [Form] = [
    Form("for a type", "var a: array [0..2] of 0..3; x: 0..3;", "for i: 0..2 do x := a[i]; a[i] := i; end;"),
    Form("for a scalarset", containers, "for t: S do if a[t] then p.f := t = s; end; a[t] := true; end;"),
    Form("for between run-time bounds", numbers, "for i := x to n do b := !b; x := i; end;"),
    Form("for by a step", numbers, "for i := x to n by 2 do b := i = n; end;"),
    Form("for by a run-time step", numbers, "for i := 0 to n by x do b := i = n; end;"),
    Form("for downwards", numbers, "for i := 1 to -1 by -1 do if i = n then x := i; end; end;"),
    Form("for with a written variable", numbers, "for i: N do i := 3 - i; if i = n then x := 0; end; n := i; end;"),
    Form("return from a loop", numbers, "for i: N do if i = n then return; end; x := 1; b := i = 2; end; n := 0;"),
    Form("failure in a pass", numbers, "for i: N do x := x + i; end;"),
    Form(
      "while with a constant bound", numbers,
      "alias k: n do k := 0; while k < 3 & x > 0 do k := k + 1; x := x - 1; end; end;"),
    Form(
      "while on a local",
      numbers
        + " procedure f(); var i: N; begin i := 0; while i < 3 do i := i + 1; if i = n then return; end; x := i - 1; end; end;",
      "f(); b := x = 2;"),
    Form(
      "while that a data-dependent condition ends", numbers,
      "while n < 3 do if b then n := n + 1; else n := 3; end; x := 0; end;"),
  ]

  private static let calls: [Form] = [
    Form(
      "function", numbers + " function f(v: R): N; begin if v < 0 then return 0; end; return v; end;",
      "n := f(x) + f(n - 2);"),
    Form(
      "function without a return", numbers + " function f(v: N): N; begin if v > 0 then return v - 1; end; end;",
      "n := f(n); x := 0;"),
    Form("argument out of range", numbers + " function f(v: N): N; begin return 3 - v; end;", "n := f(x);"),
    Form(
      "undefined argument", numbers + " function f(v: N; w: boolean): N; begin if w then return 0; end; return v; end;",
      "n := f(n, isundefined(n));"),
    Form(
      "return value out of the return type", numbers + " function f(v: N): N; begin return v + 2; end;",
      "b := f(n) > 3; x := f(n) - 3;"),
    Form(
      "var parameter", numbers + " procedure swap(var l: N; var r: N); var t: N; begin t := l; l := r; r := t; end;",
      "alias m: n do swap(n, m); end; n := x;"),
    Form(
      "var parameter of an element",
      "var x: 0..1; a: array [0..1] of 0..2; procedure f(var v: 0..2); begin x := 1 - x; v := x; x := v; end;",
      "f(a[x]);"),
    Form(
      "side effects in order", numbers + " function f(): N; begin n := n + 1; return n; end;",
      "b := f() * 2 > f() | f() = 3;"),
    Form(
      "side effects in one branch", numbers + " function f(): boolean; begin x := -x; return x > 0; end;",
      "b := b & f(); b := n = 0 ? f() : b;"),
    Form(
      "side effects in a quantifier", numbers + " function f(v: N): boolean; begin x := x + v; return x = n; end;",
      "b := exists i: N do f(i) end;"),
    Form(
      "record by value and returned",
      copies + " function f(v: P; w: boolean): P; var r: P; begin r := v; i := w; q[w].f := w; return r; end;",
      "q[i] := f(q[i], !i);"),
    Form(
      "recursion with a constant end",
      numbers + " function f(k: 0..5; v: R): R; begin if k = 0 then return v; end; return f(k - 1, -v); end;",
      "x := f(3, x);"),
    Form(
      "local variables start undefined",
      numbers + " procedure f(); var l: N; begin if b then l := 1; end; n := l; end;", "f();"),
    Form(
      "failure in a call in an operand",
      numbers + " function f(v: R): R; begin assert v != 0 \"zero\"; return 2 / v; end;", "x := f(x) - f(n);"),
    Form("call dropped as a statement", numbers + " function f(): N; begin n := 1; return 7; end;", "f(); x := n;"),
    Form(
      "function that assumes", numbers + " function f(): N; begin assume b; return 1; end;", "n := 1 / n; x := f();"),
    Form(
      "index with side effects",
      "var x: 0..1; a: array [0..1] of 0..1; function f(): 0..1; begin x := 1 - x; return x; end;",
      "a[f()] := 1 - a[f()];"),
  ]

  private static let rules: [Form] = [
    Form("guard that fails", numbers, "rule \"g\" 1 / n = x & b ==> begin n := 0; end;"),
    Form(
      "ruleset over a type", containers, "ruleset t: S do rule \"g\" !a[t] ==> begin a[t] := true; s := t; end; end;"),
    Form(
      "ruleset over booleans and numbers", numbers,
      "ruleset v: boolean; w: -1..1 do rule \"g\" b != v ==> begin b := v; x := w; n := w + 1; end; end;"),
    Form("ruleset with a step", numbers, "ruleset w := 1 to -2 by -2 do rule \"g\" begin x := w; end; end;"),
    Form(
      "ruleset of three values", numbers,
      "ruleset w: 0..2; v: R do rule \"g\" w != v ==> begin n := w; x := x / v; end; end;"),
    Form(
      "ruleset whose loop needs its value", numbers,
      "ruleset w: N do rule \"g\" begin for i := 0 to w do x := i - 1; end; end; end;"),
    Form("ruleset of one value", numbers, "ruleset w: 2..2; t: scalarset(1) do rule \"g\" begin n := w; end; end;"),
    Form(
      "alias rule", "var x: 0..1; a: array [0..1] of 0..2;",
      "alias z: a[x]; y: x do rule \"g\" z > 0 ==> begin x := 1 - x; z := x; end; end;"),
    Form(
      "startstate with parameters", numbers,
      "ruleset v: R; w: N do startstate begin x := v; if v > 0 then n := w; end; b := w / v = 0; end; end; rule begin clear n; end;"
    ),
    Form(
      "startstate that assumes", numbers,
      "ruleset v: R do startstate begin x := v; assume v != 0; n := 1 / v; end; end;"),
    Form(
      "constant guards", numbers,
      "ruleset w: N do rule \"g\" w = 4 | w = 1 ==> begin n := w; end; end; rule \"never\" false ==> begin n := 0; end;"
    ),
    Form("local variables of a rule", numbers, "rule \"g\" var t: N; begin if b then t := n; end; x := t; end;"),
  ]

  private static let properties: [Form] = [
    Form("invariant", numbers, "startstate begin x := 0; end; invariant \"i\" x <= n; invariant \"j\" 1 / x = n;"),
    Form(
      "invariants of a ruleset", numbers,
      "ruleset v: N do invariant \"i\" v < n -> 1 / (v - x) <= 1; end; startstate end;"),
    Form("assumptions", numbers, "startstate begin x := 0; end; assume \"i\" x <= n; assume 1 / x = n;"),
    Form("invariant with an alias", containers, "alias z: a[s] do invariant \"i\" z -> e = A; end; startstate end;"),
  ]
}
