import Foundation
import Interchange
import Testing

/// What `kvmcheck host` says on any machine: nothing depends on what this one has.
@Suite("kvmcheck host")
struct HostCommandTests {
  @Test("no device: said, and no error")
  func absent() throws {
    let result = try CommandLineTool.run(["host", "--device", "/nonexistent/kvm"])
    #expect(result.status == 0)
    #expect(result.output == "/nonexistent/kvm: there is none: KVM is not loaded, or not here\n")
    #expect(result.errors == "")
  }

  @Test("what is no KVM device: said with the kernel's words")
  func refused() throws {
    try TemporaryFolder.with { folder in
      let file = try folder.file("kvm", "").path
      let result = try CommandLineTool.run(["host", "--device", file, "--format", "json"])
      #expect(result.status == 0)
      #expect(try result.json()["kvm"] == .string("refused"))
      #expect(try result.json()["reason"] == .string("KVM_GET_API_VERSION: Inappropriate ioctl for device"))
    }
  }

  @Test("this machine: one of the three answers, as text and as JSON")
  func here() throws {
    let json = try CommandLineTool.run(["host", "--format", "json"]).json()
    let word = try #require(json["kvm"]?.text)
    #expect(["absent", "refused", "answered"].contains(word))
    let text = try CommandLineTool.run(["host"])
    #expect(text.status == 0)
    #expect(text.output.contains("KVM API version") == (word == "answered"))
    if word == "answered" { #expect(json["apiVersion"] == .integer(12)) }
  }
}
