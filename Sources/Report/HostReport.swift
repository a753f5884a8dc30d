package import Interchange
import MMUEngine

/// What a machine's /dev/kvm says of VM types and quirks, for people and for scripts.
package struct HostReport: Hashable, Sendable {
  /// What came of asking.
  package enum Answer: Hashable, Sendable {
    /// There is no such device: no KVM in this kernel, or not here.
    case absent
    /// It may not be opened, or is no KVM device: the kernel's words.
    case refused(String)
    case answered(Capabilities)
  }

  /// What KVM_GET_API_VERSION and KVM_CHECK_EXTENSION answer.
  package struct Capabilities: Hashable, Sendable {
    package let apiVersion: Int
    /// KVM_CAP_VM_TYPES; nil where the kernel is older than that capability, and knows the default type only.
    package let vmTypes: UInt32?
    /// KVM_CAP_DISABLE_QUIRKS2: the quirks that a VM may disable; nil where the kernel has no such capability.
    package let quirks: UInt32?

    package init(apiVersion: Int, vmTypes: UInt32?, quirks: UInt32?) {
      self.apiVersion = apiVersion
      self.vmTypes = vmTypes
      self.quirks = quirks
    }
  }

  package let device: String
  package let answer: Answer

  package init(device: String, answer: Answer) {
    self.device = device
    self.answer = answer
  }

  /// A bit of a mask and what it is called; nil for one that no kernel we know gives a name.
  package struct Bit: Hashable, Sendable {
    package let number: Int
    package let name: String?
  }

  /// The VM types of a mask of KVM_CAP_VM_TYPES.
  ///
  /// Source: Linux 6.16 arch/x86/include/uapi/asm/kvm.h.
  package static func vmTypes(of mask: UInt32) -> [Bit] {
    bits(of: mask).map { number in
      Bit(number: number, name: VMType(number: UInt8(number)).map { "KVM_X86_" + $0.rawValue })
    }
  }

  /// The quirks of a mask of KVM_CAP_DISABLE_QUIRKS2.
  ///
  /// Source: Linux 6.16 arch/x86/include/uapi/asm/kvm.h.
  package static func quirks(of mask: UInt32) -> [Bit] {
    bits(of: mask).map { number in
      Bit(number: number, name: quirkNames.indices.contains(number) ? "KVM_X86_QUIRK_" + quirkNames[number] : nil)
    }
  }

  private static let quirkNames = [
    "LINT0_REENABLED", "CD_NW_CLEARED", "LAPIC_MMIO_HOLE", "OUT_7E_INC_RIP", "MISC_ENABLE_NO_MWAIT",
    "FIX_HYPERCALL_INSN", "MWAIT_NEVER_UD_FAULTS", "SLOT_ZAP_ALL", "STUFF_FEATURE_MSRS", "IGNORE_GUEST_PAT",
  ]

  private static func bits(of mask: UInt32) -> [Int] { (0..<32).filter { mask >> UInt32($0) & 1 == 1 } }
}

extension HostReport {
  /// For people.
  package var text: String {
    switch answer {
    case .absent: return "\(device): there is none: KVM is not loaded, or not here\n"
    case .refused(let reason): return "\(device): cannot be asked: \(reason)\n"
    case .answered(let capabilities):
      let lines =
        ["\(device): KVM API version \(capabilities.apiVersion)"]
        + Self.lines(
          "KVM_CAP_VM_TYPES", capabilities.vmTypes.map { ($0, Self.vmTypes(of: $0)) },
          absent: "this kernel has no such capability: the default type only")
        + Self.lines(
          "KVM_CAP_DISABLE_QUIRKS2", capabilities.quirks.map { ($0, Self.quirks(of: $0)) },
          absent: "this kernel has no such capability")
      return lines.joined(separator: "\n") + "\n"
    }
  }

  private static func lines(_ capability: String, _ found: (mask: UInt32, bits: [Bit])?, absent: String) -> [String] {
    guard let found else { return ["  \(capability): \(absent)"] }
    return ["  \(capability) = 0x\(String(found.mask, radix: 16))"]
      + found.bits.map { "    bit \($0.number): \($0.name ?? "unknown to kvmcheck")" }
  }

  /// For scripts.
  package var json: JSON {
    var members: JSON.Members = [
      "schema": .string("kvmcheck/1"), "device": .string(device), "kvm": .string(word), "reason": .null,
      "apiVersion": .null, "vmTypesMask": .null, "vmTypes": .null, "quirksMask": .null, "quirks": .null,
    ]
    switch answer {
    case .absent: break
    case .refused(let reason): members["reason"] = .string(reason)
    case .answered(let capabilities):
      members["apiVersion"] = .integer(capabilities.apiVersion)
      if let mask = capabilities.vmTypes {
        members["vmTypesMask"] = .integer(Int(mask))
        members["vmTypes"] = Self.json(Self.vmTypes(of: mask))
      }
      if let mask = capabilities.quirks {
        members["quirksMask"] = .integer(Int(mask))
        members["quirks"] = Self.json(Self.quirks(of: mask))
      }
    }
    return .object(members)
  }

  /// `absent`, `refused` or `answered`.
  private var word: String {
    switch answer {
    case .absent: "absent"
    case .refused: "refused"
    case .answered: "answered"
    }
  }

  private static func json(_ bits: [Bit]) -> JSON {
    .array(bits.map { .object(["bit": .integer($0.number), "name": $0.name.map(JSON.string) ?? .null]) })
  }
}
