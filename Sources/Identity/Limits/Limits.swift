/// So many requests in so many seconds, all of them at once if need be.
public struct Rate: Equatable, Sendable {
    public var count: Int
    public var seconds: Int

    public init(_ count: Int, per seconds: Int) {
        self.count = count
        self.seconds = seconds
    }

    /// `10/60`; both 1 to 1,000,000.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard parts.count == 2, parts.allSatisfy({ (1...1_000_000).contains($0) }) else { return nil }
        self.init(parts[0], per: parts[1])
    }

    /// Time from one request to the next at this rate, in microseconds.
    public var interval: Int { max(1, seconds * 1_000_000 / count) }
}

/// How often requests may come, by route and by what is counted together. Pure.
public struct Limits: Equatable, Sendable {
    public enum Route: String, CaseIterable, Sendable {
        case comments, likes, posts, follows, media, reads, tickets, tokens, login, register, refresh, exports
        case searches, reports
    }

    public enum Scope: String, CaseIterable, Sendable {
        /// The token's subject.
        case user
        /// The client's address; of IPv6 its /64.
        case address
        case channel
        /// The name that a log-in is for.
        case account
        /// The same from one address.
        case accountAddress = "account_address"
    }

    public struct Name: Hashable, Sendable {
        public var route: Route
        public var scope: Scope
    }

    public private(set) var rates: [Name: Rate] = [:]

    /// No limit.
    public init() {}

    /// What holds where `AUTH` is not `off` and nothing else is said.
    public static let standard = Limits(
        "comments:user=10/10 comments:address=60/10 comments:channel=500/1 likes:user=60/10 likes:address=300/10 "
            + "posts:user=20/60 posts:address=120/60 follows:user=60/60 follows:address=240/60 media:user=40/60 "
            + "media:address=120/60 reads:address=600/10 tickets:user=30/10 tickets:address=120/10 tokens:address=100/10 "
            + "login:account=200/600 login:account_address=10/300 login:address=30/60 register:address=10/3600 "
            + "refresh:address=120/60 exports:user=5/3600 searches:user=60/60 searches:address=240/60 "
            + "reports:user=20/600", changing: Limits())

    /// Limits as a setting writes them, `comments:user=10/60` with spaces between, on top of `others`; `off` instead of a rate
    /// takes a limit away, and alone all of them.
    ///
    /// `nil` when anything of it cannot be read.
    public init?(parsing text: String, changing others: Limits) {
        rates = text == "off" ? [:] : others.rates
        if text == "off" { return }
        for entry in text.split(separator: " ") {
            let parts = entry.split(separator: "=", omittingEmptySubsequences: false)
            let words = parts[0].split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, words.count == 2, let route = Route(rawValue: String(words[0])),
                let scope = Scope(rawValue: String(words[1])),
                scope != .channel || route == .comments || route == .likes,
                route == .login || scope != .account && scope != .accountAddress,
                route != .tokens || scope == .address
            else { return nil }
            let name = Name(route: route, scope: scope)
            if parts[1] == "off" {
                rates[name] = nil
            } else {
                guard let rate = Rate(parts[1]) else { return nil }
                rates[name] = rate
            }
        }
    }

    private init(_ text: String, changing others: Limits) {
        guard let limits = Limits(parsing: text, changing: others) else {
            preconditionFailure("a limit cannot be read")
        }
        self = limits
    }

    public subscript(_ route: Route, _ scope: Scope) -> Rate? { rates[Name(route: route, scope: scope)] }

    /// Whether anything counts for a route.
    public func concern(_ route: Route) -> Bool { rates.keys.contains { $0.route == route } }
}
