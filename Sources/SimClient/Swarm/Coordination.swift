internal import Audience
internal import Foundation
internal import Wire

/// What a coordinating swarm writes, one JSON object a line.
struct SwarmMessage: Encodable {
    struct Channel: Codable, Equatable {
        var acknowledged: Int
        /// `<offset>.<epoch>` of the newest acknowledged comment.
        var last: String?
        /// The same of each epoch, when there were several.
        var epochs: [Epoch]?
        /// Numbers of the acknowledged and stored comments, in a drill.
        var numbers: [Int]?
    }

    struct Epoch: Codable, Equatable {
        var last: String
        /// µs since 1970 of the first acknowledgement.
        var since: Int64
    }

    /// How the crowd is, in a drill.
    struct CrowdState: Codable, Equatable {
        /// µs since 1970.
        var at: Int64
        var watching: Int
        /// Viewers that are not connected.
        var away: Int
        /// Connected viewers that lack something that was acknowledged a moment ago.
        var behind: Int
        /// Until when (µs since 1970) everybody has had everything; 0: never.
        var wholeThrough: Int64
        /// Connections that were started, and that got their first event, since the start.
        var attempts: Int
        var connects: Int
    }

    var event: String
    var viewers: Int?
    var failed: Int?
    var seconds: Double?
    var second: Int?
    var delivered: Int?
    var acknowledged: Int?
    var crowd: CrowdState?
    var channels: [String: Channel]?
    var report: SwarmReport?

    static func connected(viewers: Int, failed: Int, seconds: Double) -> SwarmMessage {
        SwarmMessage(event: "connected", viewers: viewers, failed: failed, seconds: seconds)
    }

    /// - Parameter seconds: since publishing began, exactly, where `second` only counts.
    static func progress(
        second: Int, seconds: Double? = nil, delivered: Int, acknowledged: Int, crowd: CrowdState? = nil
    ) -> SwarmMessage {
        SwarmMessage(
            event: "progress", seconds: seconds, second: second, delivered: delivered, acknowledged: acknowledged,
            crowd: crowd)
    }

    static func published(_ channels: [String: Channel]) -> SwarmMessage {
        SwarmMessage(event: "published", channels: channels)
    }

    static func report(_ report: SwarmReport) -> SwarmMessage {
        SwarmMessage(event: "report", report: report)
    }

    func line() -> String { JSONLine.text(self) }
}

/// What a coordinating swarm reads.
enum SwarmOrder: Equatable {
    case start
    /// The end of publishing, in a drill.
    case stop
    /// The positions that every viewer has to reach, by channel name: one of each epoch, in their order.
    case expect([String: [Position]])

    private struct Expectation: Decodable {
        var expect: [String: Places]
    }

    /// One position, or a list of them.
    private struct Places: Decodable {
        var positions: [Position]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let texts = try (try? container.decode([String].self)) ?? [container.decode(String.self)]
            positions = texts.compactMap { Position(parsing: $0) }
            guard positions.count == texts.count, !positions.isEmpty else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a position")
            }
        }
    }

    init?(line: String) {
        let text = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if text == "start" {
            self = .start
            return
        }
        if text == "stop" {
            self = .stop
            return
        }
        guard let order = try? JSONDecoder().decode(Expectation.self, from: Data(line.utf8)) else { return nil }
        self = .expect(order.expect.mapValues(\.positions))
    }
}

enum JSONLine {
    /// One line, members sorted, so that two runs can be compared.
    static func text(_ value: some Encodable, pretty: Bool = false) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        // Our own values hold no infinite number and no other thing that JSON lacks.
        guard let data = try? encoder.encode(value) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
