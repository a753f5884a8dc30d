import Logic
package import TransitionSystems

/// A state graph as Graphviz reads it.
///
/// A node shows the variables that are not the same everywhere, part by part; the others stand in the title. A Boolean is shown
/// by its name where it is true, and left out where it is false. Start states have an
/// arrow from nowhere; states that violate something are red and say what; a run-time error is a red octagon at the end of its
/// edge. Firings with equal ends share an edge.
package struct DotFile {
  private let graph: StateGraph
  private let name: String
  private let properties: [PropertyID: String]
  /// By node: its parts, as name and value.
  private let parts: [[(name: String, value: Value)]]
  /// By part: whether it differs between nodes.
  private let varies: [Bool]
  private var lines: [String] = []

  /// The text. `properties` names those that are marked; others are not.
  package static func text(_ graph: StateGraph, name: String, properties: [PropertyID: String]) -> String {
    var file = DotFile(graph, name: name, properties: properties)
    file.write()
    return file.lines.joined(separator: "\n") + "\n"
  }

  private init(_ graph: StateGraph, name: String, properties: [PropertyID: String]) {
    self.graph = graph
    self.name = name
    self.properties = properties
    let parts = graph.nodes.map { node in
      zip(graph.variables, node.values).flatMap { Self.parts(of: $1, called: $0) }
    }
    self.parts = parts
    varies = (parts.first ?? []).indices.map { part in parts.contains { $0[part].value != parts[0][part].value } }
  }

  /// The simple parts of a value, named as a designator would name them.
  private static func parts(of value: Value, called name: String) -> [(name: String, value: Value)] {
    switch value {
    case .record(let fields): fields.flatMap { parts(of: $0.value, called: "\(name).\($0.name)") }
    case .array(let elements): elements.flatMap { parts(of: $0.value, called: "\(name)[\($0.index)]") }
    case .undefined, .boolean, .integer, .member, .scalar: [(name, value)]
    }
  }

  private mutating func write() {
    lines.append("digraph \(Self.quoted([name])) {")
    lines.append("  label=\(Self.quoted([name] + texts(of: 0, varying: false))); labelloc=t;")
    lines.append("  node [shape=box, fontname=monospace];")
    for number in graph.nodes.indices { writeNode(number) }
    writeEdges()
    lines.append("}")
  }

  /// The parts of a node that differ between nodes, or those that do not.
  private func texts(of number: Int, varying: Bool) -> [String] {
    guard parts.indices.contains(number) else { return [] }
    return zip(parts[number], varies).filter { $0.1 == varying }.compactMap { part, _ in
      switch part.value {
      case .boolean(true): part.name
      case .boolean(false): nil
      case .undefined, .integer, .member, .scalar, .record, .array: "\(part.name) = \(part.value)"
      }
    }
  }

  private mutating func writeNode(_ number: Int) {
    let violated = graph.nodes[number].violated.compactMap { properties[$0] }
    var texts = texts(of: number, varying: true)
    if texts.isEmpty { texts = ["state \(number)"] }
    texts += violated.map { "violated: \($0)" }
    let colour = violated.isEmpty ? "" : ", color=red, style=filled, fillcolor=mistyrose"
    lines.append("  s\(number) [label=\(Self.quoted(texts))\(colour)];")
  }

  private mutating func writeEdges() {
    var order: [Ends] = []
    var firings: [Ends: [String]] = [:]
    for edge in graph.edges {
      let ends = Ends(source: edge.source, target: edge.target)
      if firings[ends] == nil { order.append(ends) }
      let parameters = edge.firing.parameters.map { " \($0.name)=\($0.value)" }.joined()
      firings[ends, default: []].append(edge.firing.name + parameters)
    }
    for (number, ends) in order.enumerated() { writeEdge(number, ends, firings[ends] ?? []) }
  }

  /// What firings have in common.
  private struct Ends: Hashable {
    let source: Int?
    let target: StateGraph.Target
  }

  private mutating func writeEdge(_ number: Int, _ ends: Ends, _ firings: [String]) {
    let source = ends.source.map { "s\($0)" } ?? "start\(number)"
    if ends.source == nil { lines.append("  \(source) [shape=point];") }
    switch ends.target {
    case .node(let target): lines.append("  \(source) -> s\(target) [label=\(Self.quoted(firings))];")
    case .failure(let failure):
      let texts = [failure.message] + (failure.location.map { ["at \($0)"] } ?? [])
      lines.append("  error\(number) [shape=octagon, color=red, label=\(Self.quoted(texts))];")
      lines.append("  \(source) -> error\(number) [label=\(Self.quoted(firings)), color=red];")
    }
  }

  /// Lines as one string; each but a single one ends to the left.
  private static func quoted(_ texts: [String]) -> String {
    let escaped = texts.map { text in
      text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ")
    }
    return "\"" + (escaped.count == 1 ? escaped[0] : escaped.map { $0 + "\\l" }.joined()) + "\""
  }
}
