import ArgumentParser

/// The root command.
@main
struct KVMCheck: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvmcheck",
    abstract: "Proves or refutes what people say about KVM's confidential-computing state machines.",
    subcommands: [ProveCommand.self, EngineCommand.self])
}
