package import Foundation
package import Logic
import TransitionSystems

/// The shape that a value must have: what ITF's text alone does not say (an enumeration's member and a scalarset's value are
/// both strings). Made from the model that a trace claims to belong to.
package indirect enum ValueShape: Sendable {
  case boolean
  case integer
  case enumeration(members: [String])
  case scalarset(name: String, size: Int)
  case record([(name: String, shape: ValueShape)])
  /// `indices` are the index type's values in ascending order.
  case array(indices: [Value], element: ValueShape)
}

extension ITFDocument {
  /// What a file says about itself, before the model is known that gives its values a type.
  package struct Header: Hashable, Sendable {
    package let origin: Origin
    fileprivate let document: JSON
  }

  /// Reads `#meta`. Throws: not JSON, not ours, a missing member.
  package static func header(of data: Data) throws(ITFError) -> Header {
    let document: JSON
    do { document = try JSONDecoder().decode(JSON.self, from: data) } catch {
      throw ITFError("not JSON")
    }
    guard let meta = document["#meta"] else { throw ITFError("no top-level \"#meta\": this is not an ITF trace") }
    let schema = meta["schema"]?.text ?? "nothing"
    guard schema == Self.schema else { throw ITFError("\"#meta\".schema is \(schema), expected \(Self.schema)") }
    let origin = Origin(
      model: try text("model", of: meta), sha256: try text("sha256", of: meta), constants: try constants(of: meta),
      variant: meta["variant"]?.text, property: try text("property", of: meta), verdict: try text("verdict", of: meta),
      deadlock: meta["deadlock"]?.text, file: meta["file"]?.text)
    return Header(origin: origin, document: document)
  }

  /// Reads the states with the shapes of the model's variables, in file order.
  package init(_ header: Header, variables: [(name: String, shape: ValueShape)], parameters: ParameterShapes)
    throws(ITFError)
  {
    guard case .array(let states)? = header.document["states"], !states.isEmpty else {
      throw ITFError("\"states\" is missing or empty, expected an array of states")
    }
    var steps: [TraceStep] = []
    for (index, state) in states.enumerated() {
      steps.append(try Self.step(state, index: index, variables: variables, parameters: parameters))
    }
    let failure = try Self.failure(of: states[states.count - 1])
    self.init(
      origin: header.origin, trace: Trace(variables: variables.map(\.name), steps: steps, failure: failure))
  }

  /// The shapes of the parameters of rule or start state `index`, by name.
  package typealias ParameterShapes = @Sendable (_ isStart: Bool, _ index: Int) -> [(name: String, shape: ValueShape)]?

  private static func step(
    _ state: JSON, index: Int, variables: [(name: String, shape: ValueShape)], parameters: ParameterShapes
  ) throws(ITFError) -> TraceStep {
    let place = "state \(index)"
    guard let meta = state["#meta"] else { throw ITFError("\(place) has no \"#meta\"") }
    guard case .integer(let rule)? = meta["ruleIndex"] else { throw ITFError("\(place) has no integer \"ruleIndex\"") }
    guard let shapes = parameters(index == 0, rule) else {
      throw ITFError("\(place): the model has no \(index == 0 ? "start state" : "rule") number \(rule)")
    }
    let name = try text(index == 0 ? "startstate" : "rule", of: meta)
    guard case .array(let given)? = meta["parameters"], given.count == shapes.count else {
      throw ITFError("\(place): expected \(shapes.count) parameters of \(name)")
    }
    var arguments: [NamedValue] = []
    for (pair, shape) in zip(given, shapes) {
      guard case .array(let parts) = pair, parts.count == 2, parts[0].text == shape.name else {
        throw ITFError("\(place): expected a pair of \"\(shape.name)\" and its value")
      }
      arguments.append(NamedValue(shape.name, try value(parts[1], shape.shape, at: "\(place), \(shape.name)")))
    }
    var values: [Value] = []
    for (variable, shape) in variables {
      guard let found = state[variable] else { throw ITFError("\(place) has no variable \(variable)") }
      values.append(try value(found, shape, at: "\(place), \(variable)"))
    }
    return TraceStep(firing: Firing(index: rule, name: name, parameters: arguments), values: values)
  }

  private static func value(_ json: JSON, _ shape: ValueShape, at place: String) throws(ITFError) -> Value {
    if json == JSON(Value.undefined) { return .undefined }
    switch (shape, json) {
    case (.boolean, .boolean(let value)): return .boolean(value)
    case (.integer, _): if let digits = json["#bigint"]?.text, let value = Int(digits) { return .integer(value) }
    case (.enumeration(let members), .string(let name)): if members.contains(name) { return .member(name) }
    case (.scalarset(let type, let size), .string(let text)):
      if let index = Int(text.dropFirst(type.count + 1)), text == "\(type)_\(index)", (0..<size).contains(index) {
        return .scalar(type: type, index: index)
      }
    case (.record(let fields), .object(let members)):
      var values: [NamedValue] = []
      for field in fields {
        guard let member = members[field.name] else { throw ITFError("\(place) has no field \(field.name)") }
        values.append(NamedValue(field.name, try value(member, field.shape, at: "\(place).\(field.name)")))
      }
      return .record(values)
    case (.array(let indices, let element), _):
      if case .array(let pairs)? = json["#map"] {
        return .array(try elements(pairs, indices: indices, element, at: place))
      }
    case (.boolean, _), (.enumeration, _), (.scalarset, _), (.record, _): break
    }
    throw ITFError("\(place): found \(json), expected \(shape.words)")
  }

  private static func elements(
    _ pairs: [JSON], indices: [Value], _ element: ValueShape, at place: String
  ) throws(ITFError) -> [IndexedValue] {
    guard pairs.count == indices.count else {
      throw ITFError("\(place): found \(pairs.count) elements, expected \(indices.count)")
    }
    var values: [IndexedValue] = []
    for (pair, index) in zip(pairs, indices) {
      guard case .array(let parts) = pair, parts.count == 2, parts[0] == JSON(index) else {
        throw ITFError("\(place): expected a pair of index \(index) and its value")
      }
      values.append(IndexedValue(index, try value(parts[1], element, at: "\(place)[\(index)]")))
    }
    return values
  }

  private static func failure(of state: JSON) throws(ITFError) -> RunTimeFailure? {
    guard let error = state["#meta"]?["error"] else { return nil }
    guard let property = PropertyID(text: try text("property", of: error)) else {
      throw ITFError("the last state's error names no property: \(error)")
    }
    return RunTimeFailure(
      property: property, message: try text("message", of: error), location: error["location"]?.text)
  }

  private static func text(_ key: String, of object: JSON) throws(ITFError) -> String {
    guard let text = object[key]?.text else { throw ITFError("\"#meta\" has no text \"\(key)\"") }
    return text
  }

  private static func constants(of meta: JSON) throws(ITFError) -> [NamedText] {
    guard case .array(let pairs)? = meta["constants"] else { throw ITFError("\"#meta\" has no array \"constants\"") }
    var constants: [NamedText] = []
    for pair in pairs {
      guard case .array(let parts) = pair, parts.count == 2, let name = parts[0].text, let text = parts[1].text else {
        throw ITFError("\"#meta\".constants: found \(pair), expected a pair of texts")
      }
      constants.append(NamedText(name, text))
    }
    return constants
  }
}

extension ValueShape {
  /// The shape in words, for messages.
  fileprivate var words: String {
    switch self {
    case .boolean: "true or false"
    case .integer: "{\"#bigint\": …}"
    case .enumeration(let members): "one of " + members.joined(separator: ", ")
    case .scalarset(let name, let size): "\(name)_0 … \(name)_\(size - 1)"
    case .record(let fields): "an object with " + fields.map(\.name).joined(separator: ", ")
    case .array(let indices, _): "{\"#map\": …} with \(indices.count) elements"
    }
  }
}
