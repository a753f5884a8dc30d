import ArgumentParser
import Diagnostics
import Execution
import ExplicitState
import Foundation
import Interchange
import TransitionSystems

/// The root command.
@main
struct KVMCheck: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvmcheck",
    abstract: "Proves or refutes what people say about KVM's confidential-computing state machines.",
    version: Version.text,
    subcommands: [
      ProveCommand.self, ExploreCommand.self, SimulateCommand.self, ReplayCommand.self, CertificateCommand.self,
      ExportCommand.self, TraceCommand.self, CompareCommand.self, EngineCommand.self, HostCommand.self,
    ])

  /// Runs the command line; every error becomes its exit code and a line that says what was found and what was expected.
  static func main() async {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      Foundation.exit(code(of: error))
    }
  }

  /// Prints what is to be said about an error and names its exit code.
  private static func code(of error: any Error) -> Int32 {
    switch error {
    case let code as ExitCode: return code.rawValue
    case let rejection as Rejection:
      return say(DiagnosticRenderer.render(rejection.diagnostics, in: rejection.file), .rejected)
    case let error as ModelLocator.NotFound: return say("error: \(error)", .rejected)
    case let error as UsageError: return say("error: \(error)", .usage)
    case let error as UnknownName: return say("error: \(error)", .usage)
    case let error as StaleTrace: return say("error: \(error)", .contradiction)
    case let error as Contradiction:
      return say("contradiction: \(error.subject)\n  \(error.first)\n  \(error.second)", .contradiction)
    case let error as ITFError: return say("error: the trace: \(error.message)", .rejected)
    case let error as EnumerationLimit: return say("limit: too wide to enumerate: \(error.what)", .limit)
    case let error as NotElaborated:
      return error.isLimit ? say("limit: \(error)", .limit) : say("unknown: \(error)", .unknown)
    case let error as RefusedWitness: return say("error: \(error)", error.code)
    case StateGraphSearch.Refusal.tooManyStates(let limit):
      return say("limit: more than \(limit) states; --states raises this limit", .limit)
    case StateGraphSearch.Refusal.interrupted: return say("limit: interrupted, or time or memory limit reached", .limit)
    case let error as ConsoleError: return say("error: \(error)", .internalError)
    case _ where [.success, .validationFailure].contains(exitCode(for: error)): exit(withError: error)
    case _: return say("internal error: \(error)", .internalError)
    }
  }

  private static func say(_ text: String, _ code: ExitCode) -> Int32 {
    Console().diagnose(text)
    return code.rawValue
  }
}
