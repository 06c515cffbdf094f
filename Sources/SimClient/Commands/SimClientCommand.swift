internal import ArgumentParser
internal import Foundation

@main
struct SimClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "SimClient",
        abstract: "Simulated viewers of live comments: one person, or a crowd of thousands.",
        subcommands: [WatchCommand.self, SwarmCommand.self, LikesCommand.self])

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        await main(WatchCommand.arguments(arguments, environment: ProcessInfo.processInfo.environment))
    }
}
