internal import Foundation

/// What a swarm that is led says on standard output, one JSON object a line.
public struct SwarmMessage: Codable, Equatable, Sendable {
    /// How the viewers of one swarm are, in a drill.
    public struct CrowdState: Codable, Equatable, Sendable {
        /// µs since 1970.
        public var at: Int64 = 0
        public var watching = 0
        /// Viewers that are not connected.
        public var away = 0
        /// Connected viewers that lack something that was acknowledged a moment ago.
        public var behind = 0
        /// Until when (µs since 1970) everybody has had everything; 0: never.
        public var wholeThrough: Int64 = 0
        /// Comments that were answered, and not acknowledged, since publishing began.
        public var unacknowledged = 0
        /// Connections that were started, and those that got their first event, since the start.
        public var attempts = 0
        public var connects = 0

        public init() {}
    }

    /// In the order in which they come.
    public enum Event: String, Codable, Sendable {
        case connected, progress, published, report
    }

    public private(set) var event: Event
    public private(set) var viewers: Int?
    public private(set) var failed: Int?
    public private(set) var seconds: Double?
    public private(set) var second: Int?
    public private(set) var delivered: Int?
    public private(set) var acknowledged: Int?
    public private(set) var crowd: CrowdState?
    public private(set) var channels: [String: ChannelComments]?
    public private(set) var report: SwarmReport?

    /// Every viewer has been tried.
    public static func connected(viewers: Int, failed: Int, seconds: Double) -> SwarmMessage {
        SwarmMessage(event: .connected, viewers: viewers, failed: failed, seconds: seconds)
    }

    /// While publishing; numbers since its start.
    ///
    /// - Parameter seconds: since publishing began, exactly, where `second` only counts.
    public static func progress(
        second: Int, seconds: Double? = nil, delivered: Int, acknowledged: Int, crowd: CrowdState? = nil
    ) -> SwarmMessage {
        SwarmMessage(
            event: .progress, seconds: seconds, second: second, delivered: delivered, acknowledged: acknowledged,
            crowd: crowd)
    }

    /// Publishing is over.
    public static func published(_ channels: [String: ChannelComments]) -> SwarmMessage {
        SwarmMessage(event: .published, channels: channels)
    }

    public static func report(_ report: SwarmReport) -> SwarmMessage { SwarmMessage(event: .report, report: report) }
}

extension SwarmMessage {
    /// `nil` for a line that is none of these.
    public init?(line: String) {
        guard let message = try? JSONDecoder().decode(SwarmMessage.self, from: Data(line.utf8)) else { return nil }
        let isWhole =
            switch message.event {
            case .connected: message.viewers != nil
            case .progress: true
            case .published: message.channels != nil
            case .report: message.report != nil
            }
        guard isWhole else { return nil }
        self = message
    }
}
