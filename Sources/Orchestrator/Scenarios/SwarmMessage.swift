import Foundation

/// What a swarm that is led says on standard output: one JSON object a line.
enum SwarmMessage: Equatable, Sendable {
    /// Every viewer has been tried.
    case connected(viewers: Int, failed: Int, seconds: Double)
    /// Once a second while publishing; numbers since its start.
    case progress(second: Int, delivered: Int, acknowledged: Int)
    /// Publishing is over: for each channel name, how many comments were acknowledged, and the last one's position.
    case published([String: Published])
    /// The whole line; its member `report` is a `SwarmReport`.
    case report(String)

    struct Published: Codable, Equatable, Sendable {
        var acknowledged: Int
        var last: String
    }

    private struct Envelope: Decodable {
        var event: String
        var viewers: Int?
        var failed: Int?
        var seconds: Double?
        var second: Int?
        var delivered: Int?
        var acknowledged: Int?
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
                acknowledged: envelope.acknowledged ?? 0)
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
