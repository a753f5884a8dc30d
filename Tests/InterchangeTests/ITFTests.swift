import Foundation
import Interchange
import Logic
import Testing
import TransitionSystems

/// A trace with a value of every kind, and the shapes that read it back.
private enum Sample {
  static let variables: [(name: String, shape: ValueShape)] = [
    ("open", .boolean), ("count", .integer), ("state", .enumeration(members: ["FREE", "MAPPED"])),
    ("owner", .scalarset(name: "vcpu", size: 2)), ("slot", .record([(name: "live", shape: .boolean)])),
    (
      "page",
      .array(indices: [.scalar(type: "vcpu", index: 0), .scalar(type: "vcpu", index: 1)], element: .integer)
    ),
  ]

  static func values(count: Value) -> [Value] {
    [
      .boolean(true), count, .member("FREE"), .scalar(type: "vcpu", index: 1),
      .record([NamedValue("live", .boolean(false))]),
      .array([
        IndexedValue(.scalar(type: "vcpu", index: 0), .integer(-7)),
        IndexedValue(.scalar(type: "vcpu", index: 1), .undefined),
      ]),
    ]
  }

  static let document = ITFDocument(
    origin: ITFDocument.Origin(
      model: "sample", sha256: "ab12", constants: [NamedText("N", "2")], variant: "no-track", property: "p",
      verdict: "violated", deadlock: "stuck", file: "here/sample.m"),
    trace: Trace(
      variables: variables.map(\.name),
      steps: [
        TraceStep(firing: Firing(index: 0, name: "startstate 1", parameters: []), values: values(count: .undefined)),
        TraceStep(
          firing: Firing(index: 3, name: "block", parameters: [NamedValue("v", .scalar(type: "vcpu", index: 1))]),
          values: values(count: .integer(5))),
      ],
      failure: RunTimeFailure(property: .assertion(2), message: "assertion failed", location: "4:7")))

  static let parameters: ITFDocument.ParameterShapes = { isStart, index in
    if isStart { return index == 0 ? [] : nil }
    return index == 3 ? [(name: "v", shape: .scalarset(name: "vcpu", size: 2))] : nil
  }

  static func read(_ data: Data) throws -> ITFDocument {
    try ITFDocument(ITFDocument.header(of: data), variables: variables, parameters: parameters)
  }

  /// The sample's text with one replacement; the replaced text must be there.
  static func mutated(_ old: String, _ new: String) throws -> Data {
    let text = String(decoding: document.encoded(), as: UTF8.self)
    #expect(text.contains(old))
    return Data(text.replacingOccurrences(of: old, with: new).utf8)
  }
}

@Test func traceReadsBackAsWritten() throws {
  let data = Sample.document.encoded()
  #expect(try Sample.read(data) == Sample.document)
  #expect(Sample.document.encoded() == data)
}

@Test func valuesAreSpeltAsApalacheSpellsThem() throws {
  let text = String(decoding: Sample.document.encoded(), as: UTF8.self)
    .split(whereSeparator: \.isWhitespace).joined()
  #expect(text.contains(#""owner":"vcpu_1""#))
  #expect(text.contains(##""page":{"#map":[["vcpu_0",{"#bigint":"-7"}],["vcpu_1",{"#unserializable":"undefined"}]]}"##))
  #expect(text.contains(##""vars":["open","count","state","owner","slot","page"]"##))
  #expect(text.contains(#""rule":null"#))
  #expect(text.contains(#""rule":"block""#))
}

@Test func membersStandInTheirOrder() {
  let text = String(decoding: Sample.document.encoded(), as: UTF8.self).split(whereSeparator: \.isWhitespace).joined()
  let head =
    ##"{"#meta":{"schema":"kvmcheck-trace/1","model":"sample","sha256":"ab12","constants":[["N","2"]],"##
    + #""variant":"no-track","property":"p","verdict":"violated","deadlock":"stuck","file":"here/sample.m"},"vars":["#
  #expect(text.hasPrefix(head), "\(text)")
  let variables = Sample.variables.map { "\"\($0.name)\":" }
  let state = text.range(of: ##""states":[{"#meta":{"index":0,"rule":null,"parameters":[],"##)
  #expect(state != nil)
  let places = variables.compactMap { name in
    state.flatMap { text.range(of: name, range: $0.upperBound..<text.endIndex)?.lowerBound }
  }
  #expect(places.count == variables.count && places == places.sorted())
  #expect(text.contains(##"{"#meta":{"index":1,"rule":"block","parameters":[["v","vcpu_1"]],"##))
  // A run-time error stands in the last state's #meta, and only there.
  #expect(text.ranges(of: "\"error\":").count == 1)
  let error = text.range(of: "\"error\":")?.lowerBound
  #expect(error.map { $0 > text.range(of: "\"index\":1")?.lowerBound ?? text.endIndex } == true)
}

@Test func recordsKeepTheOrderOfTheirFields() {
  let record = Value.record([
    NamedValue("z", .boolean(true)), NamedValue("a", .integer(1)), NamedValue("m", .undefined),
  ])
  let text = String(decoding: JSON(record).encoded(), as: UTF8.self).split(whereSeparator: \.isWhitespace).joined()
  #expect(text == ##"{"z":true,"a":{"#bigint":"1"},"m":{"#unserializable":"undefined"}}"##)
}

@Test func jsonIsReadBackWhateverItHolds() throws {
  let json = JSON.object([
    "text": .string("a \"quote\", \\ / \n\t\r \u{1} \u{1F600} é"), "none": .null, "empty": .array([]),
    "nothing": .object([:]),
    "numbers": .array([.integer(-3), .integer(.max), .decimal(0.25)]), "truth": .boolean(false),
  ])
  #expect(try JSONDecoder().decode(JSON.self, from: json.encoded()) == json)
  #expect(JSON.object(["a": .null, "b": .integer(1)]) == .object(["b": .integer(1), "a": .null]))
  #expect(JSON.object(["a": .null]) != .object(["b": .null]))
  var members: JSON.Members = ["a": .null, "b": .null]
  members["a"] = nil
  members["a"] = .integer(2)
  #expect(members.keys == ["b", "a"])
}

@Test(arguments: [
  ("\"FREE\"", "\"LOST\"", "state 0, state: found string(\"LOST\"), expected one of FREE, MAPPED"),
  ("\"owner\" : \"vcpu_1\"", "\"owner\" : \"vcpu_2\"", "expected vcpu_0 … vcpu_1"),
  ("\"open\" : true", "\"open\" : 1", "expected true or false"),
  ("\"#bigint\" : \"5\"", "\"#bigint\" : \"five\"", "expected {\"#bigint\": …}"),
  ("\"ruleIndex\" : 3", "\"ruleIndex\" : 9", "state 1: the model has no rule number 9"),
  ("kvmcheck-trace/1", "kvmcheck-trace/9", "schema is kvmcheck-trace/9, expected kvmcheck-trace/1"),
  ("\"vcpu_0\",", "\"vcpu_1\",", "state 0, page: expected a pair of index vcpu_0 and its value"),
])
func damagedTraceIsRefusedWhereItIsDamaged(old: String, new: String, reason: String) throws {
  let data = try Sample.mutated(old, new)
  let error = #expect(throws: ITFError.self) { try Sample.read(data) }
  #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
}

@Test func textThatIsNoTraceIsRefused() {
  #expect(throws: ITFError.self) { try ITFDocument.header(of: Data("{".utf8)) }
  #expect(throws: ITFError.self) { try ITFDocument.header(of: Data("{\"states\": []}".utf8)) }
}
