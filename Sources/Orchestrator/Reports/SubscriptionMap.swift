/// Which Reader subscribes to which channel: the picture of the flaw, and of its absence.
struct SubscriptionMap: Codable, Equatable, Sendable {
    /// Channels in a map; of more, every n-th is shown.
    static let channelsMax = 400

    var title: String
    /// From the channel on the first Reader alone to those on the last Reader alone.
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
        // Channels by the middle of the Readers that have them: placed by channel, they become a diagonal.
        let keyed = all.map { channel in
            let holders = sets.indices.filter { sets[$0].contains(channel) }
            return (
                channel: channel, middle: Double(holders.reduce(0, +)) / Double(max(holders.count, 1)),
                count: holders.count
            )
        }
        let ordered = keyed.sorted { ($0.middle, $0.count, $0.channel) < ($1.middle, $1.count, $1.channel) }.map(
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
