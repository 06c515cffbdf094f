internal import ArgumentParser

@main
struct SimClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "SimClient",
        abstract: "Simulated viewers of live comments: one person, or a crowd of thousands.",
        subcommands: [WatchCommand.self, SwarmCommand.self, LikesCommand.self])
}

/// The exit codes of this program; all programs of Chorus use the same table.
enum ExitStatus {
    static let fine: Int32 = 0
    /// EX_USAGE: arguments or settings that cannot be read.
    static let usage: Int32 = 64
    /// EX_DATAERR: the audit found comments that were lost, repeated, reordered or altered.
    static let auditFailed: Int32 = 65
    /// EX_UNAVAILABLE: a service that is needed does not answer.
    static let unavailable: Int32 = 69
    /// EX_SOFTWARE: the program itself could not go on.
    static let internalError: Int32 = 70
    /// 128 + SIGINT.
    static let interrupted: Int32 = 130
}
