internal import ArgumentParser
import Foundation
import Likes
import Logging
import RedisNIO
import ServiceRuntime

/// `LikeAPI dead-letters list|replay`: what write-behind could not store, to look at and to put back.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LikeAPI dead-letters",
        abstract: "Changes that could not be read or stored: lists them, and puts them back into the streams.",
        subcommands: [List.self, Replay.self])

    struct Connection: ParsableArguments {
        @Option(help: "Redis of the LikeAPIs. (default: REDIS_URL and its like in the environment, as of a LikeAPI)")
        var redisURL: String?

        func validate() throws { _ = try endpoint() }

        private func endpoint() throws -> RedisEndpoint {
            var reader = SettingsReader(
                arguments: redisURL.map { ["--redis-url=\($0)"] } ?? [],
                environment: ProcessInfo.processInfo.environment)
            let settings = RedisSettings(from: &reader)
            do {
                try reader.finish()
                return settings.endpoint
            } catch {
                throw ValidationError("\(error)")
            }
        }

        /// Runs `body`; Redis away ends the program with code 69.
        func withDeadLetters(_ body: (DeadLetters) async throws -> Void) async throws {
            var settings = RedisClientSettings()
            settings.connections = 1
            settings.graceWait = .seconds(3)
            settings.connection.commandTimeout = .seconds(10)
            let silent = Logger(label: "dead-letters", factory: { _ in SwiftLogNoOpLogHandler() })
            let client = RedisClient(endpoint: try endpoint(), settings: settings, logger: silent)
            // Ends with the process.
            let running = Task { try await client.run() }
            defer { running.cancel() }
            do {
                try await body(DeadLetters(redis: client))
            } catch let error as LikeError {
                try? FileHandle.standardError.write(contentsOf: Data("LikeAPI: \(error.message)\n".utf8))
                throw ArgumentParser.ExitCode(ServiceRuntime.ExitCode.unavailable.rawValue)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints dead letters as JSON, one a line, the oldest first.")

        @OptionGroup var connection: Connection
        @Option(help: "The most to print, 1 to 10000.") var limit = 100
        @Option(help: "Only those behind this id.") var after: String?

        func validate() throws {
            guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000") }
            if let after { try DeadLettersCommand.checkID(after) }
        }

        func run() async throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try await connection.withDeadLetters { letters in
                for letter in try await letters.list(after: after, limit: limit) {
                    try FileHandle.standardOutput.write(contentsOf: try encoder.encode(letter) + Data("\n".utf8))
                }
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts dead letters back into the streams that they came from, for a worker to store.",
            discussion: """
                Prints what became of each. Doing it twice is doing it once. Exit code 65: some could not be put back, and \
                are still there.
                """)

        @OptionGroup var connection: Connection
        @Argument(help: "Ids, as `list` prints them.") var ids: [String] = []
        @Flag(help: "All that there are now.") var all = false

        func validate() throws {
            guard all != !ids.isEmpty else { throw ValidationError("name ids, or --all") }
            for id in ids { try DeadLettersCommand.checkID(id) }
        }

        func run() async throws {
            var isComplete = true
            try await connection.withDeadLetters { letters in
                // All are read first: one that cannot be stored again comes back with a new id.
                let wanted = all ? try await letters.list(limit: 10_000).map(\.id) : ids
                for id in wanted {
                    let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
                    let result = try await letters.replay(id, now: now)
                    if result == .unusable || result == .tooOld { isComplete = false }
                    try FileHandle.standardOutput.write(contentsOf: Data("\(id) \(result.rawValue)\n".utf8))
                }
            }
            if !isComplete { throw ArgumentParser.ExitCode(ServiceRuntime.ExitCode.loss.rawValue) }
        }
    }

    /// The id of an entry of a Redis stream.
    fileprivate static func checkID(_ id: String) throws {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ UInt64($0) != nil }) else {
            throw ValidationError("\(id) is no id of a dead letter: <milliseconds>-<number>")
        }
    }
}
