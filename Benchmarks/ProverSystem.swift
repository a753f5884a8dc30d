/// A protocol that provers are measured on, at growing sizes.
struct ProverSystem {
  /// A size: constants of the file, in the order of `constants`.
  struct Size {
    let values: [Int]
    /// Whether other provers are asked as well.
    var hasPeers = true
    /// Whether bounded search is measured.
    var hasBoundedSearch = true
  }

  let name: String
  /// Where the model is, from the root of the repository.
  let file: String
  let constants: [String]
  let sizes: [Size]

  /// The values of a size as options of kvmcheck.
  func options(_ size: Size) -> [String] {
    zip(constants, size.values).flatMap { ["--const", "\($0)=\($1)"] }
  }

  /// Those of the table, each with its sizes ascending: a peer that is stopped at one is not asked about the later ones.
  static let all = [
    ProverSystem(
      name: "toy-sept", file: "Tests/Fixtures/toy-sept.m", constants: ["TABLES", "LEAVES", "VCPUS"],
      sizes: [
        Size(values: [2, 2, 2]), Size(values: [4, 4, 4]), Size(values: [8, 8, 4]), Size(values: [16, 16, 8]),
        Size(values: [64, 64, 16], hasPeers: false, hasBoundedSearch: false),
      ]),
    ProverSystem(
      name: "sept-teardown", file: "Models/sept-teardown.m",
      constants: ["TABLES", "LEAVES", "PAGES", "VCPUS", "PACKAGES"],
      sizes: [
        Size(values: [1, 2, 3, 2, 2]), Size(values: [2, 2, 5, 2, 2], hasBoundedSearch: false),
        Size(values: [4, 4, 4, 4, 4], hasBoundedSearch: false),
      ]),
    ProverSystem(
      name: "page-owners", file: "Benchmarks/Systems/page-owners.m",
      constants: ["GUESTS", "FRAMES", "PAGES", "VCPUS"],
      sizes: [
        Size(values: [2, 2, 2, 2]), Size(values: [4, 4, 4, 4]), Size(values: [8, 8, 8, 4]),
        Size(values: [16, 16, 16, 8], hasBoundedSearch: false),
      ]),
    ProverSystem(
      name: "epochs", file: "Benchmarks/Systems/epochs.m", constants: ["ENTRIES", "VCPUS", "EPOCHS"],
      sizes: [
        Size(values: [2, 2, 3]), Size(values: [4, 4, 4]), Size(values: [8, 8, 4]), Size(values: [16, 16, 4]),
        Size(values: [64, 16, 4], hasPeers: false, hasBoundedSearch: false),
      ]),
    ProverSystem(
      name: "epochs-longer", file: "Benchmarks/Systems/epochs.m", constants: ["ENTRIES", "VCPUS", "EPOCHS"],
      sizes: [2, 4, 8, 12, 16].map { Size(values: [4, 4, $0], hasBoundedSearch: false) }),
  ]
}
