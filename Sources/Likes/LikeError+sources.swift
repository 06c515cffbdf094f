import RedisNIO
import Storage

extension LikeError {
    init(_ error: RedisError) {
        let code: Code =
            switch error.code {
            case .timeout, .closed: .timeout
            case .overloaded, .reply("OOM"), .reply("BUSY"): .overloaded
            case .notConnected, .reply("LOADING"), .reply("READONLY"), .reply("MASTERDOWN"), .reply("CLUSTERDOWN"),
                .reply("MISCONF"), .reply("NOREPLICAS"), .reply("NOAUTH"), .reply("NOPERM"), .reply("NOSCRIPT"):
                .unavailable
            case .protocolViolation, .reply: .internal
            }
        self.init(code, error.description)
    }

    init(_ error: StorageError) {
        self.init(error.isTransient ? .recordUnavailable : .internal, error.description)
    }
}
