import Interchange
import Logic
import Testing
import TransitionSystems

/// Pictures of state graphs, letter by letter.
@Suite struct DotTests {
  private func node(_ x: Int, _ flag: Value, _ violated: [PropertyID] = []) -> StateGraph.Node {
    let array = Value.array([
      IndexedValue(.scalar(type: "s", index: 0), flag), IndexedValue(.scalar(type: "s", index: 1), .boolean(true)),
    ])
    return StateGraph.Node(
      values: [.integer(x), .record([NamedValue("f", array)]), .member("ON")], violated: violated)
  }

  private func firing(_ name: String, _ parameters: [NamedValue] = []) -> Firing {
    Firing(index: 0, name: name, parameters: parameters)
  }

  @Test func everyPart() {
    let failure = RunTimeFailure(property: .runTimeErrors, message: "error: \"boom\" \\", location: "3:4")
    let graph = StateGraph(
      variables: ["x", "r", "mode"],
      nodes: [node(0, .boolean(false)), node(1, .boolean(true), [.invariant(0), .invariant(1)]), node(2, .undefined)],
      edges: [
        StateGraph.Edge(source: nil, firing: firing("zero"), target: .node(0)),
        StateGraph.Edge(source: 0, firing: firing("up", [NamedValue("i", .integer(1))]), target: .node(1)),
        StateGraph.Edge(source: 0, firing: firing("up", [NamedValue("i", .integer(2))]), target: .node(2)),
        StateGraph.Edge(source: 0, firing: firing("again"), target: .node(1)),
        StateGraph.Edge(source: 2, firing: firing("fail"), target: .failure(failure)),
      ])
    #expect(
      DotFile.text(graph, name: "three", properties: [.invariant(0): "x is not 1"]) == #"""
        digraph "three" {
          label="three\lr.f[s_1]\lmode = ON\l"; labelloc=t;
          node [shape=box, fontname=monospace];
          s0 [label="x = 0"];
          s1 [label="x = 1\lr.f[s_0]\lviolated: x is not 1\l", color=red, style=filled, fillcolor=mistyrose];
          s2 [label="x = 2\lr.f[s_0] = undefined\l"];
          start0 [shape=point];
          start0 -> s0 [label="zero"];
          s0 -> s1 [label="up i=1\lagain\l"];
          s0 -> s2 [label="up i=2"];
          error3 [shape=octagon, color=red, label="error: \"boom\" \\\lat 3:4\l"];
          s2 -> error3 [label="fail", color=red];
        }

        """#)
  }

  @Test func nothingDiffers() {
    let graph = StateGraph(variables: ["b"], nodes: [StateGraph.Node(values: [.boolean(false)], violated: [])])
    #expect(
      DotFile.text(graph, name: "one", properties: [:]) == #"""
        digraph "one" {
          label="one"; labelloc=t;
          node [shape=box, fontname=monospace];
          s0 [label="state 0"];
        }

        """#)
  }

  @Test func empty() {
    let text = DotFile.text(StateGraph(variables: ["b"]), name: "none", properties: [:])
    #expect(text == "digraph \"none\" {\n  label=\"none\"; labelloc=t;\n  node [shape=box, fontname=monospace];\n}\n")
  }
}
