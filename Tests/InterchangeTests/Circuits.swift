import Interchange
import Logic
import TestSupport
import TransitionSystems

/// A tiny system in both circuit formats, read back by the tests' own readers.
struct TinyCircuit: Sendable {
  let system: TransitionSystem
  let synchronous: SynchronousSystem
  let aiger: AIGERFile
  let btor2: BTOR2File
  let property: PropertyID

  init(_ tiny: TinySystem) {
    self.init(tiny.system, deciding: [tiny.property])
  }

  init(_ system: TransitionSystem, deciding properties: [PropertyID]) {
    self.system = system
    synchronous = SynchronousSystem(system, deciding: properties)
    aiger = AIGERFile(synchronous)
    btor2 = BTOR2File(synchronous)
    property = properties[0]
  }

  func bytes(_ form: AIGERFile.Form) -> [UInt8] {
    aiger.encoded(form, names: [property: "the property"], description: ["tiny"])
  }

  func circuit(_ form: AIGERFile.Form) throws -> AIGERCircuit { try AIGERCircuit(bytes(form)) }

  var btor2Text: String { btor2.text(names: [property: "the property"], description: ["tiny"]) }
}

extension BTOR2Circuit {
  /// The earliest time at which each bad can be true; nil if never. Requires: few states and inputs.
  var earliestTimes: [Int?] {
    var earliest = [Int?](repeating: nil, count: bads.count)
    var seen: Set<[UInt128]> = [reset]
    var level = [reset]
    var time = 0
    var choices: [[UInt128]] = [[]]
    for input in inputs.indices {
      let values = 0..<UInt128(1) << UInt128(inputWidth(input))
      choices = choices.flatMap { choice in values.map { choice + [$0] } }
    }
    while !level.isEmpty {
      var next: [[UInt128]] = []
      for state in level {
        for choice in choices {
          let (bads, successor) = step(states: state, inputs: choice)
          for (position, bad) in bads.enumerated() where bad && earliest[position] == nil { earliest[position] = time }
          if seen.insert(successor).inserted { next.append(successor) }
        }
      }
      level = next
      time += 1
    }
    return earliest
  }
}
