/// Calls into the TDX module that exist and that this module does not do: asked for by name, they are answered as such.
///
/// KVM of the modelled versions makes none of them; their entry states would double the tables of states for nothing that a
/// model can reach. Source: TDX Module ABI spec, "Host-side (SEAMCALL) interface functions".
package enum UnmodelledSEAMCall: Hashable, Sendable {
  /// TDH.MEM.PAGE.PROMOTE: 512 pages become one of the next size.
  case promote
  /// TDH.MEM.PAGE.DEMOTE: a large page becomes 512.
  case demote
  /// TDH.MEM.PAGE.RELOCATE: a page moves to another frame.
  case relocate
  /// TDH.EXPORT.*, TDH.IMPORT.*, TDH.MIG.*: live migration, with the function's name.
  case migration(String)

  /// The call that a name asks for; nil for other names.
  package init?(named name: String) {
    switch name {
    case "TDH.MEM.PAGE.PROMOTE": self = .promote
    case "TDH.MEM.PAGE.DEMOTE": self = .demote
    case "TDH.MEM.PAGE.RELOCATE": self = .relocate
    default:
      guard ["TDH.EXPORT.", "TDH.IMPORT.", "TDH.MIG."].contains(where: name.hasPrefix) else { return nil }
      self = .migration(name)
    }
  }
}
