import Placement

/// Which Reader subscribes to which channel: the picture of the flaw, and of its absence.
struct SubscriptionMap: Codable, Equatable, Sendable {
    /// Channels in a map; of more, every n-th is shown.
    static let channelsMax = 400

    var title: String
    /// In the order of their rendezvous Reader, and for one Reader those that most Readers have first.
    var channels: [String]
    /// Top to bottom.
    var readers: [String]
    /// For each Reader one character a channel: `1` where it subscribes, `0` where not.
    var rows: [String]

    /// - Parameter subscribed: the channels of each Reader by its name, in the order in which they are to be shown.
    init(title: String, subscribed: [(reader: String, channels: [String])]) {
        self.title = title
        readers = subscribed.map(\.reader)
        let sets = subscribed.map { Set($0.channels) }
        let all = Set(subscribed.flatMap(\.channels))
        // Placed by channel, they become a diagonal; placed at random, the same order shows nothing but noise.
        let hashes = readers.map { StableHash.of($0) }
        let keyed = all.map { channel in
            (
                channel: channel,
                leader: Rendezvous.order(channel: StableHash.of(channel), readers: hashes).first ?? 0,
                others: sets.count { !$0.contains(channel) }
            )
        }
        let ordered = keyed.sorted { ($0.leader, $0.others, $0.channel) < ($1.leader, $1.others, $1.channel) }.map(
            \.channel)
        let step = (ordered.count + SubscriptionMap.channelsMax - 1) / SubscriptionMap.channelsMax
        let shown = step > 1 ? stride(from: 0, to: ordered.count, by: step).map { ordered[$0] } : ordered
        channels = shown
        rows = sets.map { set in String(shown.map { set.contains($0) ? "1" : "0" }) }
    }

    /// Part of the cells that are filled, 0 to 1.
    var filledShare: Double {
        let cells = channels.count * readers.count
        let filled = rows.reduce(0) { $0 + $1.utf8.count { $0 == UInt8(ascii: "1") } }
        return cells > 0 ? Double(filled) / Double(cells) : 0
    }
}
