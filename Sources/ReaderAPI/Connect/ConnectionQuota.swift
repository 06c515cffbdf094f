import Fanout
import HTTPTypes
import Identity
import Primitives
import ServiceRuntime

/// Bounds the streams that one user, and one address, may have on this Reader.
final class ConnectionQuota: Sendable {
    struct Limits: Equatable, Sendable {
        /// 0: no bound.
        var perUser: Int
        var perAddress: Int
    }

    /// A stream's place; given back with its last reference.
    final class Place: Sendable {
        fileprivate let keys: [String]
        private let quota: ConnectionQuota

        fileprivate init(keys: [String], quota: ConnectionQuota) {
            self.keys = keys
            self.quota = quota
        }

        deinit { quota.release(keys) }
    }

    let limits: Limits
    private let open = Mutex<[String: Int]>([:])

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// A place for one more stream; `nil`: nobody counts.
    ///
    /// - Throws: ``APIError`` 429 `too_many_streams`.
    func take(user: String?, address: IPAddress?) throws(APIError) -> Place? {
        var wanted: [(key: String, max: Int)] = []
        if let user, limits.perUser > 0 { wanted.append(("u:" + user, limits.perUser)) }
        if let address, limits.perAddress > 0 { wanted.append(("a:" + address.limitKey, limits.perAddress)) }
        guard !wanted.isEmpty else { return nil }
        let isTaken = open.withLock { open in
            guard wanted.allSatisfy({ open[$0.key, default: 0] < $0.max }) else { return false }
            for (key, _) in wanted { open[key, default: 0] += 1 }
            return true
        }
        guard isTaken else { throw .tooManyStreams }
        return Place(keys: wanted.map(\.key), quota: self)
    }

    private func release(_ keys: [String]) {
        open.withLock { open in
            for key in keys {
                let left = open[key, default: 1] - 1
                open[key] = left == 0 ? nil : left
            }
        }
    }

    /// Users and addresses with a stream.
    var count: Int { open.withLock { $0.count } }
}

extension APIError {
    static let tooManyStreams = APIError(
        .tooManyRequests, code: "too_many_streams", "this user or address has as many streams here as it may have",
        headers: [.retryAfter: "5"])
}
