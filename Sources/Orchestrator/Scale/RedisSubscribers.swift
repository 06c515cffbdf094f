import RedisNIO
import Testbed

/// `CLIENT LIST`: how many channels each connection subscribes, as Redis itself counts them.
struct RedisSubscribers: Equatable, Sendable {
    private var byName: [String: Int] = [:]

    init(_ list: String) {
        for line in list.split(separator: "\n") {
            var fields: [Substring: Substring] = [:]
            for field in line.split(separator: " ") {
                guard let equals = field.firstIndex(of: "=") else { continue }
                fields[field[..<equals]] = field[field.index(after: equals)...]
            }
            guard let name = fields["name"], let count = fields["sub"].flatMap({ Int($0) }), count > 0 else { continue }
            byName[String(name), default: 0] += count
        }
    }

    /// Of the subscriber connection of a Reader, its probe channel left out.
    func subscriptions(of reader: String) -> Int { max(0, (byName["\(reader):subscriber"] ?? 0) - 1) }
}

extension RedisProbe {
    /// `CLIENT LIST`.
    func clients() async throws(Failure) -> String {
        do {
            return try await send(RedisCommand("CLIENT", "LIST")).text ?? ""
        } catch {
            throw .unavailable("Redis on port \(endpoint.port) does not answer: \(error)")
        }
    }
}
