/// How connections are made and watched.
public struct RedisConnectionSettings: Sendable {
    /// For everything from the first packet to the last reply of the login.
    public var connectTimeout: Duration = .seconds(2)
    /// A connection whose oldest command waits longer is closed and replaced.
    public var commandTimeout: Duration = .seconds(2)
    /// The most commands of one connection that wait for a reply; more are refused with `overloaded`.
    public var inFlightMax = 16_384
    /// What `CLIENT LIST` shows; letters, digits, `-`, `_` and `:` only. Empty: no name.
    public var name = ""

    public init() {}
}
