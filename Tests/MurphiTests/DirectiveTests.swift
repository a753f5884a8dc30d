import Diagnostics
import Murphi
import TestSupport
import Testing

/// `--@` lines.
@Suite struct DirectiveTests {
  /// A model to which directives can be added.
  private static let base = """
    const N: 2; B: false;
    type s: scalarset(N); e: enum {OFF, ON};
    const START: OFF;
    var a: array [s] of 0..3; m: e;
    startstate "start" begin m := START; for i: s do a[i] := 0 end end;
    """
  /// What follows.
  private static let tail = """

    ruleset i: s do
      rule "step" a[i] < 3 ==> var k: 0..3; begin k := a[i]; a[i] := k + 1 end;
    end;
    invariant "small" forall i: s do a[i] < 4 end;
    cover "on" m = ON;
    rule "check" begin assert m = OFF "is off" end;
    """

  /// What the front end says about directives before everything.
  private func head(_ directives: String) -> [String] {
    MarkedSource(directives + "\n" + Self.base + Self.tail).findings()
  }

  @Test func everythingIsRead() throws {
    let model = try checkedModel(
      """
      --@ title  A  small
      --@+ model
      --@ source Linux 6.16 here
      --@ abstraction none -- at all
      --@ deadlock stuck
      --@ scope big: N=3 B=true
      --@ scope on: START=ON
      --@ variant plain: => holds
      --@ variant broken: N=0x4 in big => violates "small" by KVM_BUG_ON, holds "is off", error "text" by TDX_X, deadlock,
      --@+ unreachable "step", unreachable "on" bug A-1, B-2 design "the \\"list\\"" policy a+b-c
      --@ observable m.state=m
      --@ observable count[i: s, j: e]=(m = j) ? a[i] : 0
      --@ setup KVM.INIT n=N m=(START)
      --@ setup A; B x=-1
      --@ bind s = gfn 0x1000 step 512
      \(Self.base)
      --@ source rule's
      --@ abstraction rule's too
      --@ operation TDH.MEM gfn=i level=(a[i] + 1) level=a[i] returns -EINVAL|OK; SECOND x=(forall j: s do a[j] = 0 end)
      \(Self.tail)
      """)
    let directives = model.directives
    #expect(directives.title == "A small model")
    #expect(directives.sources == ["Linux 6.16 here"])
    #expect(directives.abstractions == ["none -- at all"])
    #expect(directives.deadlock == .stuck)
    #expect(directives.scopes.map(\.name) == ["big", "on"])
    #expect(
      directives.scopes.map { $0.settings.map { "\($0.name)=\($0.value)" } } == [["N=3", "B=true"], ["START=ON"]])
    let broken = try #require(directives.variants.last)
    #expect(directives.variants.first?.outcomes == [.holds(property: nil)])
    #expect(broken.scope == "big")
    #expect(broken.settings.map(\.value) == ["0x4"])
    #expect(
      broken.outcomes == [
        .violates(property: "small", event: "KVM_BUG_ON"), .holds(property: "is off"),
        .error(text: "text", event: "TDX_X"), .deadlock, .unreachable("step"), .unreachable("on"),
      ])
    #expect(broken.bugs == ["A-1", "B-2"])
    #expect(broken.design == "the \"list\"")
    #expect(broken.policy == "a+b-c")
    #expect(directives.observables.map(\.name) == ["m.state", "count"])
    #expect(directives.observables.map { $0.locals.map(\.name) } == [[], ["i", "j"]])
    #expect(directives.setup.map(\.name) == ["KVM.INIT", "A", "B"])
    #expect(directives.setup[0].arguments.map(\.expression.kind) == [.constant(2), .constant(0)])
    #expect(directives.setup[2].arguments.map(\.expression.kind) == [.constant(-1)])
    let binding = try #require(directives.bindings.first)
    #expect((binding.type, binding.object, binding.base, binding.step) == ("s", "gfn", 0x1000, 512))
    let rule = try #require(model.rules.first)
    #expect(rule.sources == ["rule's"])
    #expect(rule.abstractions == ["rule's too"])
    #expect(rule.operations.map(\.name) == ["TDH.MEM", "SECOND"])
    #expect(rule.operations[0].arguments.map(\.name) == ["gfn", "level", "level"])
    #expect(rule.operations[0].statuses == ["-EINVAL", "OK"])
    #expect(rule.operations[1].statuses == [])
    #expect(rule.locals.map(\.name) == ["i", "k", "j"])
    #expect(model.startstates[0].sources == [])
    #expect(model.properties[0].sources == [])
  }

  @Test func plainCommentsAndCodeAreNoDirectives() {
    #expect(head("-- @ nonsense\n--  --@ nonsense\n/* \n--@ nonsense\n*/ var q: 0..1; --@ nonsense") == [])
  }

  @Test(arguments: [
    ("--@ ①nonsense", ["E0801@1"]), ("--@①", ["E0801@1"]), ("--@ title①", ["E0802@1"]), ("①--@+ more", ["E0803@1"]),
    ("--@ title T\n\n①--@+ more", ["E0803@1"]), ("--@ source x\n--@ ①title T", ["E0805@1"]),
    ("--@ title T\n--@ ①title T", ["E0805@1"]), ("--@ deadlock ①maybe", ["E0802@1"]),
    ("--@ deadlock stuck ①off", ["E0802@1"]), ("--@ deadlock off\n--@ ①deadlock off", ["E0805@1"]),
    ("--@ scope ①Big: N=3", ["E0802@1"]), ("--@ scope big ①N=3", ["E0802@1"]), ("--@ scope big:①", ["E0802@1"]),
    ("--@ ①scope default: N=3", ["E0806@1"]), ("--@ scope x: N=3\n--@ ①variant x: => holds", ["E0806@1"]),
    ("--@ scope x: ①M=3", ["E0507@1"]), ("--@ scope x: ①N=true", ["E0508@1"]), ("--@ scope x: ①B=1", ["E0508@1"]),
    ("--@ scope x: ①START=UP", ["E0508@1"]), ("--@ scope x: N=3 ①N=4", ["E0509@1"]),
    ("--@ ①variant x: in y => holds", ["E0807@1"]), ("--@ variant x: N=1 ①holds", ["E0802@1"]),
    ("--@ variant x: => ①works", ["E0802@1"]), ("--@ variant x: => violates ①small", ["E0802@1"]),
    ("--@ variant x: => violates ①\"large\"", ["E0807@1"]), ("--@ variant x: => holds ①\"large\"", ["E0807@1"]),
    ("--@ variant x: => unreachable ①\"small\"", ["E0807@1"]),
    ("--@ variant x: => violates \"small\" by①", ["E0802@1"]),
    ("--@ variant x: => holds design ①a", ["E0802@1"]), ("--@ variant x: => holds ①holds", ["E0802@1"]),
    ("--@ ①operation A", ["E0804@1"]), ("--@ observable x①", ["E0201@1"]), ("--@ observable x=①", ["E0201@1"]),
    ("--@ observable x=m ①m", ["E0201@1"]), ("--@ observable x=①y", ["E0301@1"]), ("--@ observable x=①a", ["E0406@1"]),
    ("--@ observable x[i: ①q]=m", ["E0301@1"]), ("--@ setup A ①b", ["E0802@1"]), ("--@ setup A b=①", ["E0802@1"]),
    ("--@ setup A b=①i", ["E0301@1"]), ("--@ bind ①e = gfn 0", ["E0807@1"]), ("--@ bind ①q = gfn 0", ["E0807@1"]),
    ("--@ bind s = gfn ①x", ["E0802@1"]), ("--@ bind s = gfn 1 ①2", ["E0802@1"]),
    ("--@ bind s = gfn 0\n--@ bind ①s = gfn 1", ["E0806@1"]),
    ("--@ variant x: N=1 in default => holds", []), ("--@ variant x: => error \"any text\"", []),
    ("--@ scope x: N=-3 B=true START=ON", []), ("--@ observable x[i: s]=a[i]", []),
    ("--@ bind s = gfn 0x10 step 2", []),
  ])
  func headDirectives(text: String, findings: [String]) {
    #expect(head(text) == findings)
  }

  @Test(arguments: [
    ("--@ source x", []), ("--@ operation A b=①k", ["E0301@1"]), ("--@ operation A b=i c=N d=(a[i] = 0) e=m", []),
    ("--@ operation A b=①a", ["E0406@1"]), ("--@ operation A b=(①i + 1)", ["E0401@1"]),
    ("--@ operation A b=i returns①", ["E0802@1"]), ("--@ operation A returns X ①Y", ["E0802@1"]),
    ("--@ operation ①=A", ["E0802@1"]),
  ])
  func ruleDirectives(text: String, findings: [String]) {
    #expect(MarkedSource(Self.base + "\n" + text + "\n" + Self.tail).findings() == findings)
  }

  /// A variant cannot name one of two; the second property is warned of in any case.
  @Test func ambiguousNames() throws {
    let text = "\n②invariant \"small\" m = OFF;"
    for outcome in ["violates", "holds"] {
      let source = MarkedSource("--@ variant x: => \(outcome) ①\"small\"\n" + Self.base + Self.tail + text)
      #expect(source.findings() == ["E0808@1", "W0903@2"])
      #expect(source.diagnostics().first?.notes.count == 2)
    }
    #expect(MarkedSource("--@ variant x: => holds\n" + Self.base + Self.tail + text).findings() == ["W0903@1"])
  }

  @Test func whatTheEngineMustKnowHasPlaces() throws {
    let variant = "--@ variant x: => violates \"small\" by ①TDX_X, holds, error \"e\" by ②a-b policy ③p+④q\n"
    let source = MarkedSource(variant + Self.base + Self.tail)
    let names = try #require(try SyntaxTree.parse(source.file).variants.first?.engineNames)
    #expect(names.map(\.text) == ["TDX_X", "a-b", "p", "q"])
    #expect(names.map(\.kind) == [.event, .event, .policy, .policy])
    #expect(names.map(\.range.start) == source.offsets)
  }

  /// What the command line may set, and what it is told otherwise.
  @Test func settingsFromOutside() throws {
    let model = try checkedModel(Self.base + Self.tail)
    func objection(_ name: String, _ value: String) -> String? {
      model.objection(to: ConstantSetting(name: name, value: value))
    }
    for (name, value) in [("N", "7"), ("N", "-0x1"), ("B", "true"), ("START", "ON")] {
      #expect(objection(name, value) == nil)
    }
    #expect(objection("N", "true") == "constant `N` cannot be `true`: expected an integer of at most 64 bits")
    #expect(objection("B", "1") == "constant `B` cannot be `1`: expected `true` or `false`")
    #expect(objection("START", "0") == "constant `START` cannot be `0`: expected one of `OFF`, `ON`")
    #expect(objection("M", "0") == "the model has no top-level constant `M`, but N, B, START")
    let empty = try checkedModel("").objection(to: ConstantSetting(name: "M", value: "0"))
    #expect(empty == "the model has no top-level constant `M`, but no constant at all")
  }

  @Test func nothingAfterADirectiveIsAnError() {
    let text = Self.base + Self.tail + "\n--@ ①source x\n--@ ②abstraction y\n--@ ③operation A\n"
    #expect(MarkedSource(text).findings() == ["E0804@1", "E0804@2", "E0804@3"])
  }

  @Test func numbersInDirectivesAreNotSeenByRumur() {
    let text = """
      --@ observable o[i: 0..1000]=x
      --@ setup A n=70000
      var x: 0..3;
      --@ operation A n=70000 m=(x - 9)
      rule ①x - 1 = 1 ==> begin end
      """
    let marked = MarkedSource(text)
    #expect(marked.findings() == ["W0901@1"])
  }
}
