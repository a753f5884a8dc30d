package import TransitionSystems

/// What one engine says of one property.
package struct Opinion: Sendable, Hashable {
  /// The engine's name.
  package let engine: String
  package let verdict: Verdict
  /// Wall clock that the answer took; the caller measures, engines never look at a clock.
  package let seconds: Double

  package init(engine: String, verdict: Verdict, seconds: Double) {
    self.engine = engine
    self.verdict = verdict
    self.seconds = seconds
  }
}

/// Several engines asked the same question: which answer is reported, and whether they can all be right.
///
/// The order of the opinions is the fixed order of the engines (explicit, BMC, k-induction, PDR). The answer is that of the first
/// that concludes, whoever finished first; every pair is compared, and two that cannot both be right are a thrown
/// `Contradiction`, the most interesting thing that can happen.
package enum Portfolio {
  /// The opinion to report. Requires: at least one opinion, in the engines' order.
  ///
  /// Where nobody concludes: the deepest bounded one, else the first.
  /// Throws: two opinions that exclude each other.
  package static func conclude(_ subject: String, _ opinions: [Opinion]) throws(Contradiction) -> Opinion {
    for (index, first) in opinions.enumerated() {
      for second in opinions[(index + 1)...] where !areCompatible(first.verdict, second.verdict) {
        throw Contradiction(subject: subject, first: words(first), second: words(second))
      }
    }
    return preferred(opinions)
  }

  /// The opinion to report of several that exclude each other nowhere: a proof for every size before others, which say less.
  /// Requires: at least one, in the engines' order.
  package static func preferred(_ opinions: [Opinion]) -> Opinion {
    let everySize = opinions.first { opinion in
      if case .proved(_, sizes: .any) = opinion.verdict { true } else { false }
    }
    if let everySize { return everySize }
    if let conclusive = opinions.first(where: \.verdict.isConclusive) { return conclusive }
    return opinions.reduce(opinions[0]) { best, next in bound(next.verdict) > bound(best.verdict) ? next : best }
  }

  /// Whether both can be right.
  static func areCompatible(_ first: Verdict, _ second: Verdict) -> Bool {
    switch (first, second) {
    case (.proved, .violated), (.violated, .proved), (.proved, .deadlock), (.deadlock, .proved): false
    case (.violated(let left, let leftShortest), .violated(let right, let rightShortest)):
      areDepthsCompatible(left.depth, leftShortest, right.depth, rightShortest)
    case (.violated(let trace, _), .bounded(let depth)), (.bounded(let depth), .violated(let trace, _)):
      trace.depth > depth
    case (.violated(let trace, _), .limit(_, let reached)), (.limit(_, let reached), .violated(let trace, _)):
      trace.depth > reached.depth
    case _: true
    }
  }

  /// A trace that is called shortest must not be longer than any other one.
  private static func areDepthsCompatible(_ left: Int, _ leftShortest: Bool, _ right: Int, _ rightShortest: Bool)
    -> Bool
  {
    (!leftShortest || left <= right) && (!rightShortest || right <= left)
  }

  /// How many transitions an inconclusive answer covers; −1 if it says nothing.
  private static func bound(_ verdict: Verdict) -> Int {
    switch verdict {
    case .bounded(let depth): depth
    case .limit(_, let reached): reached.depth
    case .violated, .deadlock, .vacuous, .proved, .unknown: -1
    }
  }

  /// An opinion in a line, for a contradiction and for second opinions.
  package static func words(_ opinion: Opinion) -> String {
    switch opinion.verdict {
    case .violated(let trace, let shortest):
      "\(opinion.engine): violated at depth \(trace.depth)" + (shortest ? " (shortest)" : "")
    case .deadlock(let trace): "\(opinion.engine): deadlock at depth \(trace.depth)"
    case .vacuous(let reason): "\(opinion.engine): vacuous (\(reason))"
    case .proved(.search(let states, _, let diameter), _):
      "\(opinion.engine): proved (\(states) states, diameter \(diameter))"
    case .proved(.kInduction(let k), _): "\(opinion.engine): proved (k = \(k))"
    case .proved(.certificate(let lemmas), sizes: .thisScope): "\(opinion.engine): proved (\(lemmas) lemmas)"
    case .proved(.certificate(let lemmas), sizes: .any): "\(opinion.engine): proved for every size (\(lemmas) lemmas)"
    case .bounded(let depth): "\(opinion.engine): no violation up to depth \(depth)"
    case .unknown(let reason): "\(opinion.engine): unknown (\(reason))"
    case .limit(let reason, let reached): "\(opinion.engine): \(reason) at depth \(reached.depth)"
    }
  }
}
