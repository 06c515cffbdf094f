import RedisNIO

extension BrokerError {
    /// What an error of the driver means to somebody who publishes or reads.
    init(_ error: RedisError) {
        self.init(Self.code(for: error.code), error.description)
    }

    private static func code(for code: RedisError.Code) -> Code {
        switch code {
        case .notConnected, .closed: .unavailable
        case .timeout: .timeout
        case .overloaded: .overloaded
        case .protocolViolation: .internal
        case .reply("OOM"), .reply("BUSY"): .overloaded
        case .reply("LOADING"), .reply("READONLY"), .reply("MASTERDOWN"), .reply("CLUSTERDOWN"), .reply("TRYAGAIN"),
            .reply("MISCONF"), .reply("NOREPLICAS"), .reply("NOAUTH"), .reply("NOPERM"), .reply("NOSCRIPT"):
            .unavailable
        case .reply: .internal
        }
    }
}
