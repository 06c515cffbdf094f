/// Tells one event of a channel from all others by how its payload begins and ends. The payload stays opaque: whoever
/// makes it knows where in it the id stands.
///
/// Looking an event up walks over the channel's history; to carry ids beside the payloads would cost every publish.
public struct EventKey: Hashable, Sendable {
    public let prefix: [UInt8]
    public let suffix: [UInt8]

    /// At least one of the two must be unique to the event; the other may be empty.
    public init(prefix: some Sequence<UInt8> = [], suffix: some Sequence<UInt8> = []) {
        self.prefix = Array(prefix)
        self.suffix = Array(suffix)
    }

    package func matches(_ payload: some BidirectionalCollection<UInt8>) -> Bool {
        payload.starts(with: prefix) && payload.reversed().starts(with: suffix.reversed())
    }
}
