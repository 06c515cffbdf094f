/// Where the viewers of a channel go: the answer of `GET /locate`, and the body of a redirect.
public struct Place: Codable, Equatable, Sendable {
    /// Name of the channel.
    public var channel: String
    /// The Reader.
    public var instance: String
    /// Its public URL, before `/connect`; missing when the Reader that was asked has none and would serve by itself.
    public var url: String?

    public init(channel: String, instance: String, url: String?) {
        self.channel = channel
        self.instance = instance
        self.url = url
    }
}
