internal import Audience
internal import Foundation
internal import Wire

extension SwarmMessage {
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
