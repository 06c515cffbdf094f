import RedisNIO

/// Why a call of a ``Broker`` failed. Carries no payload, no key and no secret: its text may be logged and shown.
public struct BrokerError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// Redis is away, loading its data, or read-only. Nothing is known to be published; come back later.
        case unavailable
        /// The user of Redis may not do this: a command or a channel that its ACL lacks, or no user at all. Nothing was
        /// published.
        case denied
        /// A limit was reached: commands in flight, or Redis's memory. Nothing was published.
        case overloaded
        /// No answer in time. Whether the event was published is unknown.
        case timeout
        /// A defect or a foreign value: an answer that was not understood.
        case `internal`
    }

    public let code: Code
    /// A sentence for a log.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "broker \(code.rawValue): \(message)" }
}

extension BrokerError {
    /// What an error of the driver means to somebody who publishes or reads.
    init(_ error: RedisError) {
        self.init(Self.code(for: error.code), error.description)
    }

    private static func code(for code: RedisError.Code) -> Code {
        switch code {
        case .notConnected: .unavailable
        case .timeout, .closed: .timeout
        case .overloaded: .overloaded
        case .protocolViolation, .unsupported: .internal
        case .reply("OOM"), .reply("BUSY"): .overloaded
        case .reply("NOAUTH"), .reply("NOPERM"): .denied
        case .reply("LOADING"), .reply("READONLY"), .reply("MASTERDOWN"), .reply("CLUSTERDOWN"), .reply("TRYAGAIN"),
            .reply("MISCONF"), .reply("NOREPLICAS"), .reply("NOSCRIPT"):
            .unavailable
        case .reply: .internal
        }
    }
}
