import Foundation

/// What a swarm that is led says on standard output: one JSON object a line.
enum SwarmMessage: Equatable, Sendable {
    /// Every viewer has been tried.
    case connected(viewers: Int, failed: Int, seconds: Double)
    /// Once a second while publishing; numbers since its start.
    case progress(second: Int, delivered: Int, acknowledged: Int, crowd: CrowdState? = nil)
    /// Publishing is over: for each channel name, how many comments were acknowledged, and the last one's position.
    case published([String: Published])
    /// The whole line; its member `report` is a `SwarmReport`.
    case report(String)

    struct Published: Codable, Equatable, Sendable {
        var acknowledged: Int
        /// `nil` when nothing of it has a position yet.
        var last: String?
        /// Of each epoch, when there were several, or in a drill.
        var epochs: [Epoch]?
        /// Of the comments that were acknowledged or stored, in a drill.
        var numbers: [Int]?
    }

    /// Where an epoch of a channel ended.
    struct Epoch: Codable, Equatable, Sendable {
        var last: String
        /// µs since 1970 of its first acknowledgement.
        var since: Int64
    }

    /// How the viewers of one swarm are, in a drill.
    struct CrowdState: Codable, Equatable, Sendable {
        /// µs since 1970.
        var at: Int64
        var watching: Int
        /// Viewers that are not connected.
        var away: Int
        /// Connected viewers that lack something that was acknowledged a moment ago.
        var behind: Int
        /// Until when (µs since 1970) everybody has had everything; 0: never.
        var wholeThrough: Int64
        /// Connections that were started, and those that got their first event.
        var attempts: Int
        var connects: Int
    }

    private struct Envelope: Decodable {
        var event: String
        var viewers: Int?
        var failed: Int?
        var seconds: Double?
        var second: Int?
        var delivered: Int?
        var acknowledged: Int?
        var crowd: CrowdState?
        var channels: [String: Published]?
    }

    /// `nil` for a line that is none of these.
    init?(line: String) {
        guard let envelope = try? JSONDecoder().decode(Envelope.self, from: Data(line.utf8)) else { return nil }
        switch envelope.event {
        case "connected":
            guard let viewers = envelope.viewers else { return nil }
            self = .connected(viewers: viewers, failed: envelope.failed ?? 0, seconds: envelope.seconds ?? 0)
        case "progress":
            self = .progress(
                second: envelope.second ?? 0, delivered: envelope.delivered ?? 0,
                acknowledged: envelope.acknowledged ?? 0, crowd: envelope.crowd)
        case "published":
            guard let channels = envelope.channels else { return nil }
            self = .published(channels)
        case "report":
            self = .report(line)
        default:
            return nil
        }
    }
}
