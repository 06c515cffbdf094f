import Foundation

/// What a Reader process of a scale run says on standard output: one JSON object a line.
enum ScaleReaderMessage: Codable, Equatable, Sendable {
    /// Connected to Redis; it waits for `subscribe`.
    case ready(Ready)
    /// Every virtual viewer is attached.
    case subscribed(Subscribed)
    /// The answer to `count <number>`.
    case counts(Counts)

    struct Ready: Codable, Equatable, Sendable {
        var channels: Int
        var viewers: Int
    }

    struct Subscribed: Codable, Equatable, Sendable {
        /// From the order to the last attached viewer.
        var seconds: Double
        var refused: Int
    }

    struct Counts: Codable, Equatable, Sendable {
        var number: Int
        /// Of its hub: messages from Redis, events handed to viewers.
        var messages: Int
        var deliveries: Int
        var duplicates: Int
        /// Messages that had to be read again from the history because the loop was behind.
        var deferred: Int
        /// Connections that its hub counts.
        var viewers: Int
    }

    init?(line: String) {
        guard let message = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
        self = message
    }

    var line: String { (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "" }
}

/// What it is told on standard input.
enum ScaleReaderOrder: Equatable, Sendable {
    case subscribe
    case count(Int)

    init?(line: String) {
        let words = line.split(separator: " ")
        switch (words.first, words.count > 1 ? Int(words[1]) : nil) {
        case ("subscribe", nil): self = .subscribe
        case ("count", let number?): self = .count(number)
        default: return nil
        }
    }

    var line: String {
        switch self {
        case .subscribe: "subscribe"
        case .count(let number): "count \(number)"
        }
    }
}
