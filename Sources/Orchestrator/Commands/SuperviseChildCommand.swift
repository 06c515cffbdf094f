import ArgumentParser
import Primitives
import Subprocess

/// Not for people: what every child runs before it becomes the real program, see ``ChildPreparation``.
struct SuperviseChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "supervise-child", shouldDisplay: false)

    @Option var parent: Int32
    @Option var deathSignal: Int32
    @Option var user: UInt32?
    @Option var group: UInt32?
    @Option var descriptorsMax: UInt64?
    @Option var log: String
    @Flag var keepsOutput = false
    @Argument(parsing: .postTerminator) var command: [String]

    static func arguments(for child: ChildSpecification, parent: Int32) -> [String] {
        var arguments = ["supervise-child", "--parent", "\(parent)", "--log", child.log]
        arguments += ["--death-signal", "\(child.deathSignal.rawValue)"]
        if let user = child.user { arguments += ["--user", "\(user.id)", "--group", "\(user.group)"] }
        if let most = child.descriptorsMax { arguments += ["--descriptors-max", "\(most)"] }
        if child.converses { arguments.append("--keeps-output") }
        return arguments + ["--", child.executable] + child.arguments
    }

    func run() throws {
        let user = user.map { ChildSpecification.User(id: $0, group: group ?? $0) }
        let preparation = ChildPreparation(
            parent: parent, deathSignal: deathSignal, user: user, descriptorsMax: descriptorsMax, log: log,
            keepsOutput: keepsOutput, command: command)
        do {
            try preparation.run()
        } catch {
            // The shell's code for "cannot be run"; the reason is in the log.
            StandardError.write("\(error)")
            throw ExitCode(126)
        }
    }
}
