internal import Audience
internal import Foundation

extension SwarmMessage {
    func line() -> String { JSONLine.text(self) }
}

/// What a coordinating swarm reads.
enum SwarmOrder: Equatable {
    case start
    /// The end of publishing, in a drill.
    case stop
    /// Everything that was written, by channel name: what every viewer has to get.
    case expect([String: ChannelComments])

    private struct Expectation: Decodable {
        var expect: [String: ChannelComments]
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
        self = .expect(order.expect)
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
