import RedisNIO
import Testbed

/// What a Redis says of itself, as numbers.
struct RedisFigures: Equatable, Sendable {
    var memoryBytes = 0
    var cpuSeconds = 0.0
    var commands = 0
    /// Channels with a subscriber.
    var channels = 0
    /// Clients that were cut because their output buffer was full.
    var cut = 0

    mutating func add(_ other: RedisFigures) {
        memoryBytes += other.memoryBytes
        cpuSeconds += other.cpuSeconds
        commands += other.commands
        channels += other.channels
        cut += other.cut
    }

    /// What was done since then; memory and channels are those of now.
    func since(_ before: RedisFigures) -> RedisFigures {
        var figures = self
        figures.cpuSeconds -= before.cpuSeconds
        figures.commands -= before.commands
        figures.cut -= before.cut
        return figures
    }
}

extension RedisFigures {
    init(_ info: RedisInfo) {
        func number(_ name: String) -> Double { info[name].flatMap { Double($0) } ?? 0 }
        self.init(
            memoryBytes: Int(number("used_memory")), cpuSeconds: number("used_cpu_user") + number("used_cpu_sys"),
            commands: Int(number("total_commands_processed")),
            channels: Int(number("pubsub_channels") + number("pubsubshard_channels")),
            cut: Int(number("client_output_buffer_limit_disconnections")))
    }
}

extension RedisProbe {
    func figures() async throws(Failure) -> RedisFigures { RedisFigures(try await info()) }
}

/// `CLIENT LIST`: how many channels each connection subscribes, as Redis itself counts them.
struct RedisSubscribers: Equatable, Sendable {
    private var byName: [String: Int] = [:]

    init(_ list: String) {
        for line in list.split(separator: "\n") {
            var fields: [Substring: Substring] = [:]
            for field in line.split(separator: " ") {
                guard let equals = field.firstIndex(of: "=") else { continue }
                fields[field[..<equals]] = field[field.index(after: equals)...]
            }
            guard let name = fields["name"], let count = fields["sub"].flatMap({ Int($0) }), count > 0 else { continue }
            byName[String(name), default: 0] += count
        }
    }

    /// Of the subscriber connection of a Reader, its probe channel left out.
    func subscriptions(of reader: String) -> Int { max(0, (byName["\(reader):subscriber"] ?? 0) - 1) }
}
