import Checking
import Diagnostics
import Execution
import ExplicitState
import Foundation
import Murphi
import Testing
import TransitionSystems

/// Negative evidence: shipped certificates with one lemma changed are refused, or are proofs as well.
///
/// - Lemmas are minimal: with one left out, made `true`, negated or made `false`, no certificate is a proof.
/// - A literal left out or negated makes another lemma. Where the checker accepts it (by instances, and for every size where the certificate
///   says so), it must be true of every reachable state, as explicit search finds them; at larger sizes as well.
/// - Made weaker by the negation of a lemma that stands beside it, a lemma says the same beside that one: this is a proof as well.
@Suite("Changed certificates")
struct CertificateMutationTests {
  /// Certificates whose literals are changed.
  struct Sample: CustomTestStringConvertible, Sendable {
    let model: String
    /// By name; all of the model's if empty.
    var files: [String] = []
    /// The sizes at which accepted lemmas are searched for a counterexample, beside the file's.
    let larger: [ConstantSetting]
    /// The first lemmas of each are changed, so many.
    var lemmas = Int.max
    /// How many mutants there are, and how many of them are proofs as well; other certificates have other mutants.
    let mutants: Int
    var accepted = 0

    var testDescription: String { model }
  }

  private static func sizes(_ text: String) -> [ConstantSetting] {
    text.split(separator: " ").map { part in
      let sides = part.split(separator: "=")
      return ConstantSetting(name: String(sides[0]), value: String(sides[1]))
    }
  }

  private struct Certificates {
    let file: SourceFile
    /// By name.
    let all: [(name: String, certificate: CertificateFile)]

    init(_ model: String, _ names: [String] = []) throws {
      let root = ShippedModel.root
      let text = try String(contentsOf: root.appending(path: "Models/\(model).m"), encoding: .utf8)
      file = SourceFile(name: "\(model).m", text: text)
      let folder = root.appending(path: "Proofs/\(model)")
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      let chosen = files.filter { file in names.isEmpty || names.contains { file == "\($0).proof" } }
      all = try chosen.map { name in
        let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        return (name, try CertificateFile(parsing: text))
      }
    }
  }

  private static let effort: UInt32 = 20_000_000

  private func checker(of certificate: CertificateFile, _ file: SourceFile) throws -> CertificateChecker {
    try CertificateChecker(certificate, of: file) { model in
      let name = certificate.property
      if name == "no run-time error" { return .runTimeErrors }
      if let index = model.properties.firstIndex(where: { $0.name == name }) { return .invariant(index) }
      return model.assertions.firstIndex { $0.name == name }.map(PropertyID.assertion)
    }
  }

  /// Whether the checker accepts.
  private func isAccepted(_ certificate: CertificateFile, _ file: SourceFile) throws -> Bool {
    let checker = try checker(of: certificate, file)
    for form in try checker.forms() {
      guard let failure = try checker.check(form, effort: Self.effort) else { continue }
      #expect(failure.stopped == nil, "\(failure.reason): a refusal should not be for want of an answer")
      return false
    }
    return true
  }

  /// A certificate with one lemma's text changed.
  private func changed(_ certificate: CertificateFile, _ position: Int, _ text: String) -> CertificateFile {
    var mutant = certificate
    mutant.lemmas[position] = .init(name: certificate.lemmas[position].name, text: text)
    return mutant
  }

  @Test("each lemma of gmem-toggle's left out, made true, negated, made false: refused")
  func needed() throws {
    let certificates = try Certificates("gmem-toggle")
    var mutants = 0
    for (name, certificate) in certificates.all {
      #expect(try isAccepted(certificate, certificates.file), "\(name)")
      for (position, lemma) in certificate.lemmas.enumerated() {
        var fewer = certificate
        fewer.lemmas.remove(at: position)
        #expect(try !isAccepted(fewer, certificates.file), "\(name), \(lemma.name): left out")
        for text in ["true", "!(\(lemma.text))", "false"] {
          let mutant = changed(certificate, position, text)
          #expect(try !isAccepted(mutant, certificates.file), "\(name), \(lemma.name): \(text)")
        }
        mutants += 4
      }
    }
    #expect(mutants >= 40)
  }

  /// Shown by refutations, not by questions left open: in one of the certificate's forms, or, where it is for every size, with one element
  /// more of each scalarset.
  @Test(
    "no part of a certificate is a proof",
    arguments: ["coco-flags", "gmem-toggle", "tdx-locks", "vm-types", "sept-teardown"])
  func minimal(_ model: String) throws {
    let certificates = try Certificates(model)
    #expect(!certificates.all.isEmpty)
    let known = SettledQuestions()
    for (name, certificate) in certificates.all {
      let own = try checker(of: certificate, certificates.file)
      var forms = try own.forms().map { (checker: own, form: $0) }
      if certificate.sizes == .any {
        let larger = try checker(of: grown(certificate, certificates.file), certificates.file)
        forms.insert((larger, try larger.forms()[0]), at: 1)
      }
      var needed: Set<Int> = []
      for (checker, form) in forms where needed.count < certificate.lemmas.count {
        let ledger = known.ledger(of: form.obligations, kind: checker.kind(of: form))
        let premises = try checker.premises(of: form, known: ledger, effort: Self.effort)
        try findNeeded(&needed, form.obligations, premises)
      }
      let spare = certificate.lemmas.indices.filter { !needed.contains($0) }
      #expect(spare.isEmpty, "\(name): \(spare.map { certificate.lemmas[$0].name })")
    }
  }

  /// A certificate at certain sizes, with one element more of each scalarset than in the file.
  private func grown(_ certificate: CertificateFile, _ file: SourceFile) throws -> CertificateFile {
    let tree = try SyntaxTree.parse(file)
    let open = ScalarsetSizes(of: tree).constants
    let sizes = try tree.check(constants: certificate.constants).model.constants.compactMap { constant in
      Int(constant.text).flatMap { size in
        open.contains(constant.name) ? ConstantSetting(name: constant.name, value: "\(size + 1)") : nil
      }
    }
    var grown = certificate
    grown.sizes = .these(sizes)
    return grown
  }

  /// Adds the lemmas without which, and without what falls with them, the property is refuted, or something that is needed. `premises` are lemmas
  /// that are enough for an obligation.
  private func findNeeded(_ needed: inout Set<Int>, _ whole: Obligations, _ premises: [Set<Int>?]) throws {
    var session = try ProofSession(whole, effort: Self.effort)
    var premises = premises
    for lemma in whole.lemmas.indices where !needed.contains(lemma) {
      var rest = Set(whole.lemmas.indices).subtracting([lemma])
      var fallen: Int? = lemma
      while fallen != nil {
        fallen = nil
        for number in order(of: whole.obligations, before: needed) where fallen == nil {
          let owner = whole.obligations[number].kind.lemma
          if let owner, !rest.contains(owner) { continue }
          if premises[number]?.isSubset(of: rest) == true { continue }
          switch try session.check(whole.obligations[number], assuming: rest.sorted()) {
          case .holds(let enough): premises[number] = enough
          case .stopped: continue
          case .fails: fallen = owner ?? lemma
          }
        }
        guard let last = fallen else { continue }
        if last == lemma || needed.contains(last) {
          needed.insert(lemma)
          fallen = nil
        }
        rest.remove(last)
      }
    }
  }

  /// Obligations of the property and of what is needed, then the others.
  private func order(of obligations: [Obligation], before needed: Set<Int>) -> [Int] {
    let isFirst = obligations.map { $0.kind.lemma.map(needed.contains) ?? true }
    return obligations.indices.filter { isFirst[$0] } + obligations.indices.filter { !isFirst[$0] }
  }

  @Test(
    "a literal left out or negated: refused, or true of every reachable state",
    arguments: [
      Sample(model: "gmem-toggle", larger: sizes("SLOTS=3 FILES=2 OBJECTS=3"), mutants: 41),
      Sample(
        model: "tdx-locks", files: ["an-ioctl-is-on-at-most-one-vcpu"], larger: sizes("THREADS=3 VCPUS=2"), lemmas: 3,
        mutants: 29),
      Sample(
        model: "coco-flags",
        files: ["an-snp-or-tdx-vm-allows-pre-faulting-only-after-launch-finish-or-finalize-vm-succeeded"],
        larger: sizes("VCPUS=1 SLOTS=2 GFNS=1"),
        mutants: 65),
    ])
  func literals(_ sample: Sample) async throws {
    let certificates = try Certificates(sample.model, sample.files)
    var mutants = 0
    var accepted: [String] = []
    for (_, certificate) in certificates.all {
      for (position, lemma) in certificate.lemmas.prefix(sample.lemmas).enumerated() {
        for text in LemmaShape(lemma.text).mutants {
          mutants += 1
          if try isAccepted(changed(certificate, position, text), certificates.file) { accepted.append(text) }
        }
      }
    }
    #expect(mutants == sample.mutants)
    #expect(accepted.count == sample.accepted)
    try await expectTrue(accepted, certificates.file, larger: sample.larger)
  }

  @Test("a lemma made weaker by the negation of the next is a proof as well")
  func weaker() async throws {
    let certificates = try Certificates("gmem-toggle")
    var accepted: [String] = []
    for (name, certificate) in certificates.all where certificate.lemmas.count > 1 {
      for (position, lemma) in certificate.lemmas.enumerated() {
        let other = certificate.lemmas[(position + 1) % certificate.lemmas.count].text
        accepted.append("(\(lemma.text)) | !(\(other))")
        let mutant = changed(certificate, position, accepted[accepted.count - 1])
        #expect(try isAccepted(mutant, certificates.file), "\(name), \(lemma.name)")
      }
    }
    #expect(accepted.count >= 8)
    try await expectTrue(accepted, certificates.file, larger: Self.sizes("SLOTS=3 FILES=2 OBJECTS=3"))
  }

  /// Holds accepted lemmas against every reachable state, at the file's sizes and at larger ones.
  private func expectTrue(_ texts: [String], _ file: SourceFile, larger: [ConstantSetting]) async throws {
    let lemmas = texts.enumerated().map { Certification.Lemma(name: "mutant \($0)", text: $1) }
    for constants in [[], larger] {
      let whole = try StrengthenedModel(file, lemmas: Certification.text(of: lemmas), constants: constants)
      let first = whole.plain.properties.count
      let questions = lemmas.indices.map { PropertyID.invariant(first + $0) }
      let engine = ExplicitEngine(try Program(model: whole.model))
      for (lemma, verdict) in zip(lemmas, try await engine.decide(questions, within: Budget(states: 300_000))) {
        if case .proved = verdict { continue }
        Issue.record("\(constants): \(lemma.text): \(verdict)")
      }
    }
  }
}

/// A lemma's parts: quantifiers, conditions, conclusion.
private struct LemmaShape {
  private var quantifiers: [String] = []
  private var conditions: [Substring] = []
  private var conclusion: Substring

  init(_ text: String) {
    var rest = Substring(text)
    while rest.hasPrefix("forall "), let start = rest.range(of: " do ") {
      quantifiers.append(String(rest[..<start.upperBound]))
      rest = rest[start.upperBound...].dropLast(" end".count)
    }
    let sides = Self.split(rest, at: " -> ")
    if sides.count == 2 { conditions = Self.split(sides[0], at: " & ") }
    conclusion = sides.count == 2 ? sides[1] : rest
  }

  /// The parts between separators outside parentheses, in which lemmas put their inner quantifiers.
  private static func split(_ text: Substring, at separator: String) -> [Substring] {
    var parts: [Substring] = []
    var (depth, start, position) = (0, text.startIndex, text.startIndex)
    while position < text.endIndex {
      if depth == 0, text[position...].hasPrefix(separator) {
        parts.append(text[start..<position])
        position = text.index(position, offsetBy: separator.count)
        start = position
        continue
      }
      if text[position] == "(" { depth += 1 }
      if text[position] == ")" { depth -= 1 }
      position = text.index(after: position)
    }
    return parts + [text[start...]]
  }

  private func text(_ conditions: [String], _ conclusion: String) -> String {
    let body = conditions.isEmpty ? conclusion : "\(conditions.joined(separator: " & ")) -> (\(conclusion))"
    return quantifiers.joined() + body + String(repeating: " end", count: quantifiers.count)
  }

  /// With each condition left out, each negated, and the conclusion negated.
  var mutants: [String] {
    let all = conditions.map { "(\($0))" }
    var mutants: [String] = []
    for position in all.indices {
      var fewer = all
      fewer.remove(at: position)
      mutants.append(text(fewer, String(conclusion)))
      var other = all
      other[position] = "!\(all[position])"
      mutants.append(text(other, String(conclusion)))
    }
    mutants.append(text(all, "!(\(conclusion))"))
    return mutants
  }
}
