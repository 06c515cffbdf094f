internal import Foundation

/// The JSON of the rare frames. Foundation's decoder is slow, and may be: there are a few of them in a connection's life.
enum StreamNote {
    struct Gap: Decodable, Equatable {
        var from: UInt64?
        var to: UInt64?
    }

    private struct Typed: Decodable {
        var type: String?
    }

    static func gap(_ data: String) -> Gap? {
        try? JSONDecoder().decode(Gap.self, from: Data(data.utf8))
    }

    static func isConnected(_ data: String) -> Bool {
        // 10,000 viewers connect in seconds: the member that our Readers put first saves the decoder.
        if data.hasPrefix("{\"type\":\"connected\"") { return true }
        guard data.contains("\"connected\"") else { return false }
        return (try? JSONDecoder().decode(Typed.self, from: Data(data.utf8)))?.type == "connected"
    }
}
