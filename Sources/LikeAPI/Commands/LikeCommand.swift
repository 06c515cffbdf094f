import Foundation
import ServiceRuntime

/// What LikeAPI does when its first argument is a word: a tool instead of a service.
enum LikeCommand {
    case reconcile([String])
    case bench([String])

    /// `nil` when the arguments are those of the service.
    init?(_ arguments: [String]) {
        let rest = Array(arguments.dropFirst(2))
        switch arguments.dropFirst().first {
        case "reconcile": self = .reconcile(rest)
        case "bench": self = .bench(rest)
        default: return nil
        }
    }

    func run() async -> Never {
        exit(ExitCode.usage.rawValue)
    }
}
