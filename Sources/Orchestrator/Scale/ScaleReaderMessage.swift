import Audience

/// What a Reader process of a scale run says on standard output: one JSON object a line.
enum ScaleReaderMessage: Codable, Equatable, Sendable {
    /// Connected to Redis, and it knows all Readers; it waits for `place`.
    case ready(Ready)
    /// Every viewer that asked it first is attached here, or was sent away.
    case placed(Placed)
    /// The answer to `count <number>`.
    case counts(Counts)
    /// A part of the answer to `channels`.
    case channels(Channels)

    struct Ready: Codable, Equatable, Sendable {
        /// That it knows of, itself among them.
        var readers: Int
    }

    struct Placed: Codable, Equatable, Sendable {
        /// From the order to the last of its viewers.
        var seconds: Double
        var refused: Int
    }

    /// What its hub holds.
    struct Channels: Codable, Equatable, Sendable {
        var channels: [Int]
        /// As many: viewers here of each.
        var viewers: [Int]
        var isLast: Bool
    }

    struct Counts: Codable, Equatable, Sendable {
        var number: Int
        /// Of its hub: messages from Redis, events handed to viewers.
        var messages: Int
        var deliveries: Int
        /// Connections that its hub counts.
        var viewers: Int
        /// Viewers that it sent to another Reader.
        var redirects: Int
        /// Of its viewers at their turn, from the publish.
        var latency: LatencyHistogram
    }
}

/// What it is told on standard input, one JSON object a line.
enum ScaleReaderOrder: Codable, Equatable, Sendable {
    case place
    case count(Int)
    /// No viewer comes any more: what is where?
    case channels
}
