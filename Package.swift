// swift-tools-version: 6.2
// One target per stage of the pipeline; the edges below are the architecture (README, "How it is built").
import PackageDescription

/// Settings of every target: strict concurrency, explicit existentials, no leaked imports, no warnings.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Settings of targets that search or solve: `swift test` would crawl without the optimiser.
let fast: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

/// A stage of the pipeline.
func stage(
  _ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = strict
) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The unit tests of one stage.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: strict)
}

let package = Package(
  name: "kvmcheck",
  products: [.executable(name: "kvmcheck", targets: ["kvmcheck"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    .systemLibrary(name: "CZ3", pkgConfig: "z3", providers: [.apt(["libz3-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CIntrinsics"),
    stage("Diagnostics"),
    stage("Logic", settings: fast),
    stage("MMUEngine", settings: fast),
    stage("KernelTraces", ["MMUEngine", "CZlib"], settings: fast),
    stage("Murphi", ["Diagnostics"]),
    stage("TransitionSystems", ["Logic"], settings: fast),
    stage("Execution", ["Murphi", "Diagnostics", "Logic", "TransitionSystems"], settings: fast),
    stage("Elaboration", ["Murphi", "Diagnostics", "Logic", "TransitionSystems"], settings: fast),
    stage("SMT", ["CZ3", "Logic"], settings: fast + [.strictMemorySafety()]),
    stage("Engines", ["SMT", "Logic", "TransitionSystems"], settings: fast),
    stage(
      "ExplicitState", ["Execution", "Murphi", "Logic", "TransitionSystems", "CIntrinsics"], settings: fast),
    stage(
      "Checking",
      ["Murphi", "Diagnostics", "Elaboration", "Execution", "SMT", "Logic", "TransitionSystems"],
      settings: fast),
    stage("Interchange", ["Logic", "TransitionSystems"], settings: fast),
    stage(
      "Replay", ["MMUEngine", "Murphi", "Diagnostics", "Execution", "Logic", "TransitionSystems"],
      settings: fast),
    stage("Report", ["Diagnostics", "MMUEngine", "Replay", "Interchange", "Logic", "TransitionSystems"]),
    .executableTarget(
      name: "kvmcheck",
      dependencies: [
        "Diagnostics", "Logic", "Murphi", "TransitionSystems", "Execution", "Elaboration", "SMT", "Engines",
        "ExplicitState", "Checking", "Interchange", "MMUEngine", "KernelTraces", "Replay", "Report",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "Benchmarks", dependencies: ["KernelTraces", "MMUEngine"], path: "Benchmarks",
      exclude: ["Baselines", "Systems"],
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["Diagnostics", "Murphi", "Logic", "TransitionSystems"],
      path: "Tests/TestSupport", swiftSettings: fast),
    tests("DiagnosticsTests", ["Diagnostics"]),
    tests("LogicTests", ["Logic"]),
    tests("MurphiTests", ["Murphi", "Diagnostics"]),
    tests("ExecutionTests", ["Execution", "Murphi", "Diagnostics", "Logic", "TransitionSystems"]),
    tests("ExplicitStateTests", ["ExplicitState", "Execution", "Murphi", "Diagnostics", "Logic", "TransitionSystems"]),
    tests(
      "ElaborationTests",
      ["Elaboration", "Execution", "Murphi", "Diagnostics", "Logic", "TransitionSystems"]),
    tests("SMTTests", ["SMT", "Logic"]),
    tests("EnginesTests", ["Engines", "SMT", "Elaboration", "Murphi", "Logic", "TransitionSystems"]),
    tests("MMUEngineTests", ["MMUEngine"]),
    tests("KernelTracesTests", ["KernelTraces", "MMUEngine"]),
    tests(
      "CheckingTests",
      ["Checking", "Elaboration", "Engines", "SMT", "Murphi", "Diagnostics", "Logic", "TransitionSystems"]),
    tests("ReplayTests", ["Replay", "MMUEngine", "Murphi", "Diagnostics", "Execution", "Logic", "TransitionSystems"]),
    tests(
      "AgreementTests",
      [
        "Engines", "ExplicitState", "Execution", "Elaboration", "SMT", "Checking", "Interchange", "Replay", "MMUEngine",
        "Murphi", "Diagnostics", "Logic", "TransitionSystems",
      ]),
    tests("InterchangeTests", ["Interchange", "Logic", "TransitionSystems"]),
    tests("ReportTests", ["Report", "Replay", "MMUEngine", "Interchange", "Logic", "TransitionSystems"]),
    tests("EndToEndTests", ["kvmcheck", "Interchange", "Logic", "TransitionSystems"]),
  ]
)
