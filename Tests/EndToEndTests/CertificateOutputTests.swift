import Foundation
import Interchange
import TestSupport
import Testing

/// A proof from the search to the reader: written by `prove`, checked and printed by `certificate`.
@Suite("Certificates, written and read")
struct CertificateOutputTests {
  private static let model = """
    --@ title Pages that are taken and given back
    const PAGES: 2;
    type page: scalarset(PAGES);
    var used: array [page] of boolean; free: array [page] of boolean; bad: boolean;
    startstate "none is used" begin
      for p: page do used[p] := false; free[p] := true; end;
      bad := false;
    end;
    ruleset p: page do
      rule "take" free[p] ==> begin bad := bad | used[p]; free[p] := false; used[p] := true; end;
      rule "give" used[p] ==> begin used[p] := false; free[p] := true; end;
    end;
    invariant "never twice" !bad;
    invariant "one or the other" forall p: page do used[p] != free[p] end;

    """

  /// Proves the model in a folder of its own, and hands that out.
  private func proved<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
    try TemporaryFolder.with { folder in
      try FileManager.default.createDirectory(
        at: folder.url.appending(path: "Models"), withIntermediateDirectories: true)
      _ = try folder.file("Models/pages.m", Self.model)
      let result = try CommandLineTool.run(
        ["prove", "invariants", "pages", "--root", ".", "--engine", "pdr", "--proofs", "Proofs"], in: folder.url)
      #expect(result.output.contains("2 proved-any-size"), "\(result.output)\(result.errors)")
      return try body(folder)
    }
  }

  /// A change of the search or of what makes lemmas minimal shows here: the committed certificates are then to be written anew.
  @Test("the same model gives the same bytes: those that are committed", arguments: ["gmem-toggle", "tdx-locks"])
  func sameBytes(model: String) throws {
    let committed = CommandLineTool.root.appending(path: "Proofs/\(model)")
    let names = try FileManager.default.contentsOfDirectory(atPath: committed.path).sorted()
    #expect(names.count > 4)
    try TemporaryFolder.with { folder in
      let out = folder.url.appending(path: "out")
      _ = try CommandLineTool.run(
        ["prove", "invariants", model, "--engine", "pdr", "--quiet", "--proofs", out.path])
      let written = out.appending(path: model)
      #expect(try FileManager.default.contentsOfDirectory(atPath: written.path).sorted() == names)
      for name in names {
        let bytes = try Data(contentsOf: written.appending(path: name))
        #expect(try bytes == Data(contentsOf: committed.appending(path: name)), "\(name)")
      }
    }
  }

  @Test("a folder: all certificates in it and below; one without any is no use")
  func folder() throws {
    try proved { folder in
      let below = try CommandLineTool.run(["certificate", "check", "Proofs", "--root", "."], in: folder.url)
      let beside = try CommandLineTool.run(["certificate", "check", "Models", "--root", "."], in: folder.url)
      #expect(below.status == 0 && below.output.contains("3 certificates, 3 hold, 0 fail"))
      #expect(beside.status == 64 && beside.errors.contains("Models holds no certificate"))
    }
  }

  @Test("JSON: every member, the rows in the order of the files")
  func json() throws {
    try proved { folder in
      let arguments = ["certificate", "check", "--root", ".", "--format", "json"]
      let result = try CommandLineTool.run(arguments, in: folder.url)
      #expect(result.status == 0)
      let json = try result.json()
      guard case .object(let whole) = json else { Issue.record("no object"); return }
      #expect(Set(whole.keys) == ["schema", "results", "ok"])
      #expect(json["schema"] == .string("kvmcheck/1"))
      #expect(json["ok"] == .boolean(true))
      let rows = try result.rows()
      let properties = ["never twice", "no run-time error", "one or the other"]
      #expect(rows.map { $0["property"]?.text } == properties)
      for (row, name) in zip(rows, ["never-twice", "no-run-time-error", "one-or-the-other"]) {
        guard case .object(let members) = row else { Issue.record("no object"); continue }
        #expect(Set(members.keys) == ["proof", "model", "property", "ok", "solver", "seconds", "reason"])
        #expect(row["proof"] == .string("./Proofs/pages/\(name).proof"))
        #expect(row["model"] == .string("Models/pages.m"))
        #expect(row["ok"] == .boolean(true))
        #expect(row["solver"] == .string("z3 4.8.12"))
        #expect(row["reason"] == .null)
        guard case .decimal(let seconds)? = row["seconds"] else { Issue.record("no seconds"); continue }
        #expect(seconds > 0)
      }
    }
  }

  @Test("JSON: a row that fails has its reason, one that cannot be read no model")
  func failingRows() throws {
    try proved { folder in
      let file = folder.url.appending(path: "Proofs/pages/never-twice.proof")
      let text = try String(contentsOf: file, encoding: .utf8)
      _ = try folder.file("flipped.proof", text.replacing("!bad", with: "bad"))
      _ = try folder.file("other.proof", "invariant")
      let arguments = ["certificate", "check", "flipped.proof", "other.proof", "none.proof", "--format", "json"]
      let result = try CommandLineTool.run(arguments + ["--root", "."], in: folder.url)
      #expect(result.status == 50)
      #expect(try result.json()["ok"] == .boolean(false))
      let rows = try result.rows()
      #expect(rows.map { $0["ok"] } == [.boolean(false), .boolean(false), .boolean(false)])
      #expect(rows.map { $0["model"] } == [.string("Models/pages.m"), .null, .null])
      #expect(rows[0]["reason"]?.text == "initiation: lemma 1, start \"none is used\": does not follow (instances)")
      #expect(rows[1]["reason"]?.text == "line 1: expected `invariant \"name\"`, found `invariant`")
      #expect(rows[2]["reason"]?.text == "cannot be read")
    }
  }

  /// What `certificate print` says of the proof of "never twice".
  private static let printed = """
    --@ title Pages that are taken and given back
    const
      PAGES: 2;
    type
      page: scalarset(PAGES);
    var
      used: array [page] of boolean;
      free: array [page] of boolean;
      bad: boolean;
    startstate "none is used"
    begin
      for p: page do
        used[p] := false;
        free[p] := true;
      end;
      bad := false;
    end;
    ruleset p: page do
      rule "take"
        free[p]
      ==>
      begin
        bad := bad | used[p];
        free[p] := false;
        used[p] := true;
      end;
      rule "give"
        used[p]
      ==>
      begin
        used[p] := false;
        free[p] := true;
      end;
    end;
    invariant "never twice" !bad;
    invariant "one or the other" forall p: page do used[p] != free[p] end;
    invariant "lemma 1" !bad;
    invariant "lemma 2" forall page1: page do used[page1] -> !free[page1] end;

    """

  @Test("print: the whole model, which rumur accepts and confirms")
  func print() throws {
    try proved { folder in
      let arguments = ["certificate", "print", "Proofs/pages/never-twice.proof", "--root", "."]
      let result = try CommandLineTool.run(arguments, in: folder.url)
      #expect(result.status == 0)
      #expect(result.output == Self.printed)
      let confirmed = try RumurRunner().check(result.output)
      #expect(confirmed.errors == 0)
      #expect(confirmed.states == 4)
      // A lemma that does not hold is found by rumur as well: it does look at them.
      let wrong = result.output.replacing("-> !free[page1]", with: "-> free[page1]")
      #expect(try RumurRunner().check(wrong).message == "invariant \"lemma 2\" failed")
    }
  }

  @Test(
    "a signal: what was checked, what was open, 30",
    arguments: [([], SIGINT), ([], SIGTERM), (["--solver", "cvc5"], SIGINT)])
  func interrupted(_ options: [String], _ signal: Int32) throws {
    let first = "Proofs/gmem-toggle/no-run-time-error.proof"
    let second = "Proofs/sept-teardown/kvm-bug-on-is-never-reached.proof"
    let arguments = ["certificate", "check", first, second, first, "--jobs", "1", "--timeout", "60"]
    let result = try CommandLineTool.run(arguments + options, untilOutputThen: signal)
    #expect(result.status == 30)
    let lines = result.output.components(separatedBy: "\n")
    #expect(lines.count == 7, "\(result.output)")
    guard lines.count == 7 else { return }
    #expect(lines[0].hasPrefix("holds   \(first)"))
    #expect(lines[1] == "open    \(second)")
    // The signal may come in before the second is begun.
    #expect(lines[2].hasPrefix("        stopped at ") || lines[2] == "        not begun: interrupted")
    #expect(lines[3] == "open    \(first)")
    #expect(lines[4] == "        not begun: interrupted")
    #expect(lines[5].hasPrefix("3 certificates, 1 hold, 0 fail, 2 open; "))
  }

  /// Whoever asks cvc5 asks Z3 first which lemmas are enough; time over there, the rest used to be put to cvc5 for minutes.
  @Test("time over: 30, and every row of JSON is there", arguments: [([], "0.5"), (["--solver", "cvc5"], "1.5")])
  func timeOver(_ options: [String], _ seconds: String) throws {
    let proof = "Proofs/sept-teardown/kvm-bug-on-is-never-reached.proof"
    let arguments = ["certificate", "check", proof, proof, "--jobs", "1", "--format", "json", "--timeout", seconds]
    let result = try CommandLineTool.run(arguments + options)
    #expect(result.status == 30)
    let rows = try result.rows()
    #expect(rows.map { $0["proof"]?.text } == [proof, proof])
    #expect(rows.map { $0["ok"] } == [.boolean(false), .boolean(false)])
    #expect(rows[0]["reason"]?.text?.hasPrefix("stopped at ") == true)
    #expect(rows[1]["reason"]?.text == "not begun: time limit reached")
    #expect(try result.json()["ok"] == .boolean(false))
  }

  /// The script hears no signal that can be put off: it would live on for a minute and leave a mark.
  @Test("time over: the solver is ended, even one that does not listen")
  func solverIsEnded() throws {
    try TemporaryFolder.with { folder in
      let fifo = folder.url.appending(path: "fifo").path
      let mark = folder.url.appending(path: "mark").path
      #expect(mkfifo(fifo, 0o600) == 0)
      let solver = try folder.file(
        "slow", "#!/bin/bash\ntrap '' TERM INT\nread -t 60 x <> '\(fifo)'\ntouch '\(mark)'\n")
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: solver.path)
      let proof = "Proofs/gmem-toggle/a-memslot-that-names-a-file-is-bound-by-it.proof"
      let result = try CommandLineTool.run(["certificate", "check", proof, "--timeout", "1", "--solver", solver.path])
      #expect(result.status == 30)
      #expect(!FileManager.default.fileExists(atPath: mark))
    }
  }

  @Test("without a start state: no proof, and no certificate that holds")
  func noStartState() throws {
    try TemporaryFolder.with { folder in
      let text = """
        const N: 2;
        type s: scalarset(N);
        var x: array [s] of boolean;
        startstate begin for i: s do x[i] := true; end; end;
        assume "some are free" exists i: s do !x[i] end;
        ruleset i: s do rule "r" x[i] ==> begin x[i] := false; end; end;
        invariant "never" false;

        """
      let model = try folder.file("none.m", text).path
      let proofs = folder.url.appending(path: "out").path
      let arguments = ["prove", "invariants", model, "--engine", "pdr", "--deadlock", "off", "--format", "json"]
      let result = try CommandLineTool.run(arguments + ["--proofs", proofs])
      #expect(result.status == 12)
      #expect(Set(try result.rows().map { $0["verdict"]?.text }) == ["vacuous"])
      #expect(!FileManager.default.fileExists(atPath: proofs + "/none/never.proof"))
      // What the search used to write of it.
      func forged(_ digest: String) throws -> CommandLineTool.Result {
        let proof = try folder.file(
          "never.proof",
          """
          --@ certificate 1
          --@ model \(model)
          --@ sha256 \(digest)
          --@ constants
          --@ sizes any
          --@ property "never"
          --@ found-by pdr
          invariant "lemma 1"
            false;

          """)
        return try CommandLineTool.run(["certificate", "check", proof.path])
      }
      let nobodys = String(repeating: "0", count: 64)
      let stale = try forged(nobodys).output
      let digests = stale.matches(of: /[0-9a-f]{64}/).map { String($0.output) }
      let checked = try forged(try #require(digests.first { $0 != nobodys }, "\(stale)"))
      #expect(checked.status == 50)
      #expect(checked.output.contains("the model has no start state"))
    }
  }

  /// Names that only other characters tell apart, or nothing at all.
  private static let names = """
    --@ deadlock off
    --@ scope two: STEP=2
    --@ variant slow: STEP=1 => holds "p q"
    const STEP: 1;
    var x: 0..7;
    startstate begin x := 0; end;
    rule "up" x + STEP <= 6 ==> begin x := x + STEP; end;
    invariant "p q" x < 7;
    invariant "P Q" x != 7;
    invariant "p q 2" x <= 6;
    invariant "twice" x < 7;
    invariant "twice" x <= 6;
    invariant "no run-time error" x < 7;

    """

  /// Files below a folder, with what they hold.
  private func certificates(in folder: URL) throws -> [String: String] {
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return try names.filter { $0.hasSuffix(".proof") }.reduce(into: [:]) { files, name in
      files[name] = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }
  }

  @Test("a file for each property and instance; none for a name that several properties have")
  func places() throws {
    try TemporaryFolder.with { folder in
      let model = try folder.file("names.m", Self.names).path
      let out = folder.url.appending(path: "out")
      func prove(_ options: [String]) throws -> CommandLineTool.Result {
        try CommandLineTool.run(["prove", "invariants", model, "--engine", "pdr", "--proofs", out.path] + options)
      }
      let result = try prove([])
      #expect(result.status == 0, "\(result.output)\(result.errors)")
      for warning in ["12:1: warning: another property is called `twice`", "13:1: warning: every model has a property"]
      {
        #expect(result.errors.contains("names.m:\(warning)"), "\(result.errors)")
      }
      let own = try certificates(in: out)
      let properties = own.mapValues { text in text.split(separator: "\n").first { $0.hasPrefix("--@ property") } }
      #expect(
        properties == [
          "names/p-q.proof": "--@ property \"p q\"", "names/p-q-3.proof": "--@ property \"P Q\"",
          "names/p-q-2.proof": "--@ property \"p q 2\"",
        ])
      for options in [["--all-variants"], ["--scope", "two"], ["--const", "STEP=3"], ["--const", "STEP=1"]] {
        #expect(try prove(options).status == 0)
      }
      let all = try certificates(in: out)
      #expect(
        Set(all.keys).subtracting(own.keys) == [
          "names/variant-slow/p-q.proof", "names/scope-two/p-q.proof", "names/scope-two/p-q-2.proof",
          "names/scope-two/p-q-3.proof", "names/const-STEP=3/p-q.proof", "names/const-STEP=3/p-q-2.proof",
          "names/const-STEP=3/p-q-3.proof",
        ])
      #expect(all.filter { own[$0.key] != nil } == own)
      let paths = all.keys.sorted().map { out.appending(path: $0).path }
      #expect(try CommandLineTool.run(["certificate", "check"] + paths).status == 0)
      for name in ["twice", "no run-time error"] {
        let text = try #require(own["names/p-q.proof"]).replacing("property \"p q\"", with: "property \"\(name)\"")
        let checked = try CommandLineTool.run(["certificate", "check", try folder.file("other.proof", text).path])
        #expect(checked.status == 50)
        #expect(checked.output.contains("are called \"\(name)\""), "\(checked.output)")
      }
    }
  }

  @Test("says what it speaks of; finds its model above itself, wherever the command runs")
  func speaksOf() throws {
    try TemporaryFolder.with { folder in
      try FileManager.default.createDirectory(
        at: folder.url.appending(path: "Models"), withIntermediateDirectories: true)
      _ = try folder.file("Models/names.m", Self.names)
      let arguments = ["prove", "invariants", "names", "--root", ".", "--engine", "pdr", "--only", "p q"]
      #expect(try CommandLineTool.run(arguments + ["--proofs", "Proofs"], in: folder.url).status == 0)
      let proof = folder.url.appending(path: "Proofs/names/p-q.proof").path
      let result = try CommandLineTool.run(["certificate", "check", proof])
      #expect(result.status == 0, "\(result.output)\(result.errors)")
      #expect(result.output.contains(" 1 lemma, the file's sizes, constants STEP=1  "), "\(result.output)")
    }
  }

  @Test("an instance's own certificate is looked at first, then the one for every size")
  func readBack() throws {
    try proved { folder in
      let arguments = ["prove", "invariants", "pages", "--root", ".", "--const", "PAGES=3"]
      func certificates() throws -> [String?] {
        let rows = try CommandLineTool.run(arguments + ["--format", "json"], in: folder.url).rows()
        return rows.filter { $0["property"]?.text == "never twice" }.map { $0["certificate"]?.text }
      }
      #expect(try certificates() == ["./Proofs/pages/never-twice.proof"])
      _ = try CommandLineTool.run(arguments + ["--engine", "pdr", "--proofs", "Proofs"], in: folder.url)
      #expect(try certificates() == ["./Proofs/pages/const-PAGES=3/never-twice.proof"])
    }
  }

  @Test("a scalarset without symmetry: lemmas about all of its elements, for these sizes")
  func asymmetric() throws {
    try TemporaryFolder.with { folder in
      let text = """
        const N: 2;
        type A: scalarset(N);
        var x: array [A] of boolean; last: A; bad: boolean;
        startstate begin for a: A do x[a] := false; end; undefine last; bad := false; end;
        ruleset a: A do rule "set" begin x[a] := true; end; end;
        rule "pick" begin for a: A do if x[a] then last := a; end; end; end;
        rule "bad" !isundefined(last) & !x[last] ==> begin bad := true; end;
        invariant "never" !bad;

        """
      let model = try folder.file("ordered.m", text).path
      let proofs = folder.url.appending(path: "out").path
      let arguments = ["prove", "invariants", model, "--engine", "pdr", "--only", "never", "--proofs", proofs]
      let result = try CommandLineTool.run(arguments)
      #expect(result.status == 0, "\(result.output)")
      let proof = proofs + "/ordered/never.proof"
      #expect(try String(contentsOfFile: proof, encoding: .utf8).contains("--@ sizes N=2\n"))
      #expect(try CommandLineTool.run(["certificate", "check", proof]).status == 0)
    }
  }

  /// Only the last element is ever chosen, for which Murphi has no name.
  @Test("what holds of one element only has no text: unknown, and no contradiction")
  func singleElement() throws {
    let model = """
      type A: scalarset(2);
      var last: A; before: A; bad: boolean;
      startstate begin undefine last; undefine before; bad := false; end;
      rule "choose" begin for a: A do last := a; end; end;
      rule "copy" !isundefined(last) ==> begin before := last; end;
      rule "bad" !isundefined(before) & !isundefined(last) & before != last ==> begin bad := true; end;
      invariant "never" !bad;

      """
    let result = try CommandLineTool.run(
      ["prove", "invariants", "-", "--engine", "pdr", "--only", "never"], input: model)
    #expect(result.status == 21, "\(result.output)")
    #expect(result.output.contains("its lemmas, said of all elements: safety: in a state does not follow"))
  }
}
