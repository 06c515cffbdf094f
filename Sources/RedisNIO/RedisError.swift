/// Why something asked of Redis did not happen. The text holds no password, no key and no value.
public struct RedisError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// No connection stands, and none came within the grace time. The command was not sent.
        case notConnected
        /// No reply within the command timeout. Whether the command ran is unknown.
        case timeout
        /// The limit of commands in flight was reached. The command was not sent.
        case overloaded
        /// The connection ended before the reply came. Whether the command ran is unknown.
        case closed
        /// The bytes received are not RESP2, or not what the command answers.
        case protocolViolation
        /// The server is of a kind that cannot be worked with: a Redis Cluster, a Sentinel.
        case unsupported
        /// Redis refused; its error code, such as `WRONGTYPE`, `NOSCRIPT`, `LOADING`, `OOM`, `ERR`.
        case reply(String)

        /// The code as one word, for metrics and logs.
        public var name: String {
            switch self {
            case .notConnected: "not_connected"
            case .timeout: "timeout"
            case .overloaded: "overloaded"
            case .closed: "closed"
            case .protocolViolation: "protocol_violation"
            case .unsupported: "unsupported"
            case .reply(let code): code
            }
        }
    }

    public let code: Code
    /// A sentence for a log.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "redis \(code.name): \(message)" }
}

extension RedisError {
    /// The same for a command that the connection had not sent when it ended: then it is known that it did not run.
    var withNothingSent: RedisError { code == .closed ? RedisError(.notConnected, message) : self }

    /// What an answer says about the server as a whole.
    enum Verdict {
        /// It is not, or no longer, the one to talk to: a replica, or a server without its data. The address may lead to
        /// another one by now.
        case leave
        /// It is a node of a cluster.
        case cluster
        /// Writes are refused at present, by the right server: it cannot save its data (then PING is refused, too, as if it
        /// were a write), has no memory left, or too few replicas. Reads and subscriptions work.
        case refusesWrites
    }

    var verdict: Verdict? {
        switch code {
        case .reply("READONLY"), .reply("MASTERDOWN"), .reply("LOADING"): .leave
        case .reply("MOVED"), .reply("ASK"), .reply("CROSSSLOT"), .reply("CLUSTERDOWN"): .cluster
        case .reply("MISCONF"), .reply("NOREPLICAS"), .reply("OOM"): .refusesWrites
        default: nil
        }
    }

    static func unsupported(_ kind: String) -> RedisError {
        RedisError(
            .unsupported,
            "the server is a \(kind); name it with redis+\(kind == "Sentinel" ? "sentinel" : "cluster")://")
    }

    /// Longer texts of Redis are cut: they are for people.
    static let messageLengthMax = 200

    /// An error reply: the first word is the code, the rest is for people.
    ///
    /// Redis quotes the arguments of a command it does not know; those may be secrets and are cut off.
    init(serverText text: String) {
        let words = text.split(separator: " ", maxSplits: 1)
        let first = words.first.map(String.init) ?? "ERR"
        let isCode = first.utf8.allSatisfy { $0 >= 0x41 && $0 <= 0x5A }
        var message = isCode ? words.dropFirst().first.map(String.init) ?? "" : text
        for marker in [", with args beginning with", "user_script:"] {
            if let cut = message.firstRange(of: marker) { message = String(message[..<cut.lowerBound]) }
        }
        self.init(.reply(isCode ? first : "ERR"), String(message.prefix(Self.messageLengthMax)))
    }
}
