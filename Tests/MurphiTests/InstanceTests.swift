import Diagnostics
import Murphi
import Testing

/// One scope or variant printed as a file of its own.
@Suite struct InstanceTests {
  private static let text = """
    --@ title T
    --@ source the file's
    --@ deadlock stuck
    --@ scope big: N=5
    --@ variant broken: N=1 B=false in big => violates "two" by X, holds "one" bug B-1 policy right
    --@ variant other: => holds
    const N: 2; B: true;
    var x: 0..9;
    startstate "zero" begin x := 0; end;
    --@ operation up n=x
    --@ source the rule's
    rule "up" B & x < N ==> begin x := x + 1; end;
    --@ source the first's
    invariant "one" x < 9;
    cover "far" x = N;
    ruleset i: 0..1 do
      --@ source the second's
      --@+ and more
      invariant "two" x != i + 5;
    end;
    assume "always" x >= 0;

    """

  private func tree() throws -> SyntaxTree { try SyntaxTree.parse(SourceFile(name: "t.m", text: Self.text)) }

  /// The text of an instance, which must itself be a model without findings.
  private func print(_ instance: ModelInstance) throws -> (text: String, model: TypedModel) {
    let text = try tree().text(of: instance)
    return (text, try SyntaxTree.parse(SourceFile(name: "i.m", text: text)).check().model)
  }

  @Test func aScope() throws {
    let (text, model) = try print(ModelInstance(constants: [ConstantSetting(name: "N", value: "5")]))
    #expect(model.constants.map(\.text) == ["5", "true"])
    #expect(model.directives.scopes.isEmpty && model.directives.variants.isEmpty)
    #expect(model.directives.title == "T" && model.directives.deadlock == .stuck)
    #expect(model.directives.sources == ["the file's"])
    #expect(model.rules[0].sources == ["the rule's"])
    #expect(model.rules[0].operations.map(\.name) == ["up"])
    #expect(model.properties.map(\.name) == ["one", "two"])
    #expect(model.properties.map(\.sources) == [["the first's"], ["the second's and more"]])
    #expect(text.hasPrefix("--@ title T\n--@ source the file's\n--@ deadlock stuck\nconst\n  N: 5;\n  B: true;\nvar\n"))
  }

  @Test func aVariant() throws {
    let variant = try #require(try tree().check().model.directives.variants.first)
    let (text, model) = try print(ModelInstance(constants: variant.settings, variant: variant))
    #expect(text.contains("--@ variant broken: => violates \"two\" by X, holds \"one\" bug B-1 policy right\n"))
    #expect(!text.contains("other"))
    #expect(model.constants.map(\.text) == ["1", "false"])
    let found = try #require(model.directives.variants.first)
    #expect(found.outcomes == variant.outcomes && found.policy == "right" && found.bugs == ["B-1"])
    #expect(found.settings.isEmpty && found.scope == nil)
  }

  @Test func anotherDeadlockMode() throws {
    let (text, model) = try print(ModelInstance(deadlock: .off))
    #expect(model.directives.deadlock == .off)
    #expect(text.hasPrefix("--@ title T\n--@ deadlock off\n--@ source the file's\nconst"))
    let untitled = try SyntaxTree.parse(
      SourceFile(name: "u.m", text: "var x: boolean; startstate begin x := true; end;"))
    #expect(untitled.text(of: ModelInstance(deadlock: .off)).hasPrefix("--@ deadlock off\nvar"))
  }

  /// What surrounds the dropped properties goes as well, and what was said about them.
  @Test func oneProperty() throws {
    let first = try print(ModelInstance(property: 0))
    #expect(first.model.properties.map(\.name) == ["one"])
    #expect(first.model.properties[0].sources == ["the first's"])
    #expect(first.model.covers.isEmpty)
    #expect(first.model.assumptions.count == 1)
    #expect(first.model.assumptions[0].sources == [])
    #expect(!first.text.contains("ruleset") && !first.text.contains("the second's"))
    let second = try print(ModelInstance(property: 1))
    #expect(second.model.properties.map(\.name) == ["two"])
    #expect(second.model.properties[0].sources == ["the second's and more"])
    #expect(!second.text.contains("the first's") && second.text.contains("the rule's"))
  }
}
