internal import Audience
internal import Foundation
internal import Wire

/// What a coordinating swarm writes, one JSON object a line.
struct SwarmMessage: Encodable {
    struct Channel: Codable, Equatable {
        var acknowledged: Int
        /// `<offset>.<epoch>` of the newest acknowledged comment.
        var last: String?
    }

    var event: String
    var viewers: Int?
    var failed: Int?
    var seconds: Double?
    var second: Int?
    var delivered: Int?
    var acknowledged: Int?
    var channels: [String: Channel]?
    var report: SwarmReport?

    static func connected(viewers: Int, failed: Int, seconds: Double) -> SwarmMessage {
        SwarmMessage(event: "connected", viewers: viewers, failed: failed, seconds: seconds)
    }

    /// - Parameter seconds: since publishing began, exactly, where `second` only counts.
    static func progress(second: Int, seconds: Double? = nil, delivered: Int, acknowledged: Int) -> SwarmMessage {
        SwarmMessage(
            event: "progress", seconds: seconds, second: second, delivered: delivered, acknowledged: acknowledged)
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
    /// The positions that every viewer has to reach, by channel name.
    case expect([String: Position])

    private struct Expectation: Decodable {
        var expect: [String: String]
    }

    init?(line: String) {
        let text = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if text == "start" {
            self = .start
            return
        }
        guard let order = try? JSONDecoder().decode(Expectation.self, from: Data(line.utf8)) else { return nil }
        let positions = order.expect.compactMapValues { Position(parsing: $0) }
        guard positions.count == order.expect.count else { return nil }
        self = .expect(positions)
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
