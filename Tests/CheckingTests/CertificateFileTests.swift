import Checking
import Foundation
import Murphi
import Testing

/// The text of certificates.
@Suite("Certificate files")
struct CertificateFileTests {
  private static let text = """
    --@ certificate 1
    --@ model Models/gmem-toggle.m
    --@ sha256 00ff
    --@ constants ALLOW=false N=3
    --@ sizes any
    --@ property "a "b" c"
    --@ found-by pdr

    invariant "lemma 1"
      !bad;
    invariant "lemma 2"
      forall page1: page do used[page1] -> !free[page1] end;

    """

  @Test("what is read is what was written")
  func roundTrip() throws {
    let file = try CertificateFile(parsing: Self.text)
    #expect(file.model == "Models/gmem-toggle.m")
    #expect(file.sha256 == "00ff")
    #expect(file.settings.map { "\($0.name)=\($0.value)" } == ["ALLOW=false", "N=3"])
    #expect(file.sizes == .any)
    #expect(file.property == "a \"b\" c")
    #expect(
      file.lemmas == [
        .init(name: "lemma 1", text: "!bad"),
        .init(name: "lemma 2", text: "forall page1: page do used[page1] -> !free[page1] end"),
      ])
    #expect(file.text == Self.text)
  }

  @Test("sizes that were checked are settings like others")
  func sizes() throws {
    let file = try CertificateFile(parsing: Self.text.replacing("sizes any", with: "sizes PAGES=2 TABLES=4"))
    #expect(
      file.settings.map { "\($0.name)=\($0.value)" } == ["ALLOW=false", "N=3", "PAGES=2", "TABLES=4"])
  }

  @Test("no lemma is a proof too, of what is inductive by itself")
  func noLemmas() throws {
    let head = try #require(Self.text.range(of: "invariant"))
    let file = try CertificateFile(parsing: String(Self.text[..<head.lowerBound]))
    #expect(file.lemmas.isEmpty)
  }

  @Test(
    "what is wrong is said with its line",
    arguments: [
      ("--@ certificate 1", "--@ certificate 2", 1, "version 2 of the format; expected 1"),
      ("--@ certificate 1\n", "", 1, "expected `--@ certificate …`"),
      ("--@ sha256 00ff", "--@ sha256", 3, "expected `--@ sha256 …`"),
      ("--@ sha256 00ff", "--@ sha256 1\n--@ sha256 2", 4, "`sha256` was said before"),
      ("N=3", "N", 4, "expected CONSTANT=VALUE, found `N`"),
      ("\"a \"b\" c\"", "abc", 6, "expected the property's name in quotes, found `abc`"),
      ("--@ found-by pdr", "--@ found-by pdr\n--@ variant x", 8, "`variant` is no directive of a certificate"),
      ("invariant \"lemma 1\"", "rule \"lemma 1\"", 9, "expected `invariant \"name\"`"),
      ("invariant \"lemma 1\"", "invariant", 9, "expected `invariant \"name\"`"),
      ("page1] end;", "page1] end", 13, "lemma \"lemma 2\" does not end: expected `;`"),
    ])
  func malformed(_ change: (String, String, Int, String)) throws {
    let text = Self.text.replacing(change.0, with: change.1)
    let error = #expect(throws: MalformedCertificate.self) { try CertificateFile(parsing: text) }
    #expect(error?.line == change.2)
    #expect(error?.reason.hasPrefix(change.3) == true, "\(error?.reason ?? "")")
  }
}
