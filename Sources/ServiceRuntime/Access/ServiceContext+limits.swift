import HTTPTypes
public import Hummingbird
public import Identity
import NIOCore
import RedisNIO
public import Wire

extension ServiceContext {
    /// Counts a request, and throws ``APIError`` 429 `rate_limited` when it is one too many.
    ///
    /// While Redis is away writes are refused (503 `limits_unavailable`), and reads pass.
    ///
    /// - Parameters:
    ///   - channel: that is written to.
    ///   - account: the name that a log-in is for.
    public func limit(
        _ route: Limits.Route, _ request: Request, channel: Wire.Channel? = nil, account: String? = nil
    ) async throws(APIError) {
        guard let access, access.limits.concern(route), caller.subject?.role != .service else { return }
        var checks: [RateLimiter.Check] = []
        func count(_ scope: Limits.Scope, _ id: String?) {
            guard let id, let check = RateLimiter.Check(access.limits, route, scope, id) else { return }
            checks.append(check)
        }
        let address = address(of: request)?.limitKey ?? "unknown"
        count(.user, caller.subject?.id)
        count(.address, address)
        count(.channel, channel?.name)
        count(.account, account)
        count(.accountAddress, account.map { "\($0):\(address)" })
        if route == .comments, let channel, let subject = caller.subject, subject.role == .user {
            checks.append(
                RateLimiter.Check(
                    route: route, reason: "slow_mode", key: "limit:{\(channel.name)}:\(subject.id)",
                    rate: Rate(1, per: 1), slowModeKey: RateLimiter.slowModeKey(channel)))
        }
        switch await access.limiter?.check(checks) ?? .unknown {
        case .allowed: return
        case .refused(let reason, let rate, let microseconds): throw .rateLimited(reason, rate, microseconds)
        case .unknown: if route != .reads, route != .searches { throw .limitsUnavailable }
        }
    }

    /// Sets the time between two comments of one user on a channel; `nil`: no slow mode.
    public func setSlowMode(of channel: Wire.Channel, seconds: Int?) async throws(APIError) {
        guard let limiter = access?.limiter else { throw .limitsUnavailable }
        do throws(RedisError) {
            try await limiter.setSlowMode(of: channel, seconds: seconds)
        } catch {
            throw .limitsUnavailable
        }
    }

    /// The client's address: the connection's, or what the trusted proxies in front of it say.
    public func address(of request: Request) -> IPAddress? {
        let peer = channel.remoteAddress.flatMap { IPAddress($0) }
        return access?.client(peer, forwarded: forwarded(request)) ?? peer
    }

    /// The addresses that a request came through, as proxies write them: the client's first.
    private func forwarded(_ request: Request) -> [String] {
        HTTPField.Name.xForwardedFor.map { request.headers[values: $0] } ?? []
    }

    /// Throws ``APIError`` 403 `cross_origin` unless the request comes from a page of this origin or of `ALLOWED_ORIGINS`.
    ///
    /// - Parameter allowsPrograms: what says nothing about an origin is no browser, and passes.
    public func requireSameOrigin(_ request: Request, allowsPrograms: Bool = false) throws(APIError) {
        let fetchSite = HTTPField.Name.secFetchSite.flatMap { request.headers[$0] }
        if fetchSite == "same-origin" { return }
        guard let origin = request.headers[.origin] else {
            if allowsPrograms, fetchSite == nil { return }
            throw .crossOrigin
        }
        if let access, access.allowedOrigins?.contains(origin) ?? false { return }
        // A page cannot choose the Host that its browser sends.
        let host = request.head.authority
        guard let host, origin == "https://\(host)" || origin == "http://\(host)" else { throw .crossOrigin }
    }
}

extension ServiceContext {
    /// Throws ``APIError`` 403 `cross_origin` when a page of an origin that is not allowed opens a WebSocket, or anything else
    /// that browsers do not guard by themselves. With `AUTH=off` every page may.
    public func requireAllowedOrigin(_ request: Request) throws(APIError) {
        guard access?.allowedOrigins != nil else { return }
        try requireSameOrigin(request, allowsPrograms: true)
    }
}

extension IPAddress {
    /// `nil` for a socket that has none.
    fileprivate init?(_ address: SocketAddress) {
        // `sin_addr` and `sin6_addr` of POSIX's sockaddr_in and sockaddr_in6.
        let made = address.withSockAddr { socket, size -> IPAddress? in
            let bytes = UnsafeRawBufferPointer(start: socket, count: size)
            func word<Word: FixedWidthInteger>(_ offset: Int) -> Word {
                Word(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Word.self))
            }
            return switch address {
            case .v4: IPAddress(ipv4: word(4))
            case .v6: IPAddress(ipv6: word(8), word(16))
            case .unixDomainSocket: nil
            }
        }
        guard let made else { return nil }
        self = made
    }
}

extension HTTPField.Name {
    fileprivate static let xForwardedFor = HTTPField.Name("X-Forwarded-For")
    fileprivate static let secFetchSite = HTTPField.Name("Sec-Fetch-Site")
    fileprivate static let rateLimit = HTTPField.Name("RateLimit")
    fileprivate static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")
}

extension APIError {
    static let limitsUnavailable = APIError.unavailable(
        "limits_unavailable", "limits cannot be kept now, so that nothing is taken: Redis is away")
    static let crossOrigin = APIError(
        .forbidden, code: "cross_origin", "pages of another origin may not do this with this browser's cookies")

    /// With the fields of draft-ietf-httpapi-ratelimit-headers.
    static func rateLimited(_ reason: String, _ rate: Rate, _ microseconds: Int) -> APIError {
        let seconds = max(1, (microseconds + 999_999) / 1_000_000)
        var headers: HTTPFields = [.retryAfter: String(seconds)]
        if let policy = HTTPField.Name.rateLimitPolicy, let state = HTTPField.Name.rateLimit {
            headers[policy] = #""\#(reason)";q=\#(rate.count);w=\#(rate.seconds)"#
            headers[state] = #""\#(reason)";r=0;t=\#(seconds)"#
        }
        return APIError(
            .tooManyRequests, code: reason == "slow_mode" ? reason : "rate_limited",
            reason == "slow_mode" ? "this channel is in slow mode" : "too many requests: the limit by \(reason)",
            headers: headers)
    }
}
