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
