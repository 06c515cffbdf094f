import Audience
import Placement
import Report
import Wire

extension SubscriptionMap {
    /// - Parameter subscribed: the channels of each Reader by its name, in the order in which they are to be shown.
    init(title: String, subscribed: [(reader: String, channels: [String])]) {
        let readers = subscribed.map(\.reader)
        let sets = subscribed.map { Set($0.channels) }
        let all = Set(subscribed.flatMap(\.channels))
        // Placed by channel, they become a diagonal; placed at random, the same order shows nothing but noise. For one
        // Reader those that most Readers have come first.
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
        let shown = SubscriptionMap.everyNth(ordered)
        let rows = sets.map { set in String(shown.map { set.contains($0) ? "1" : "0" }) }
        self.init(title: title, channels: shown, readers: readers, rows: rows)
    }

    /// From statistics with all channels.
    init(_ statistics: Statistics, title: String) {
        let readers = statistics.readerApis.readers.map { (reader: $0.instanceId, channels: $0.subscribedTopics) }
        self.init(
            title: title, subscribed: readers.sorted { ($0.reader.count, $0.reader) < ($1.reader.count, $1.reader) })
    }

    /// Of a placed audience. Channels stand in the order of their rendezvous Reader, the same under every placement.
    init(_ layout: ScaleLayout) {
        let watched = (0..<layout.audience.channels).filter { !layout.assignment.parts(ofChannel: $0).isEmpty }
        let shown = SubscriptionMap.everyNth(watched)
        let leaders = layout.leaders(of: shown)
        let order = shown.indices.sorted { (leaders[$0], shown[$0]) < (leaders[$1], shown[$1]) }.map { shown[$0] }
        self.init(
            title:
                "Placement \(layout.placement.rawValue): \(order.count) of \(Format.grouped(watched.count)) channels on"
                + " \(layout.readers.count) Readers",
            channels: order.map(layout.audience.channelName), readers: layout.readers,
            rows: layout.readers.indices.map { reader in
                String(
                    order.map { channel in
                        layout.assignment.parts(ofChannel: channel).contains { Int($0.reader) == reader } ? "1" : "0"
                    })
            })
    }

    /// As many as a map shows.
    private static func everyNth<Channel>(_ channels: [Channel]) -> [Channel] {
        let step = max(1, (channels.count + channelsMax - 1) / channelsMax)
        return stride(from: 0, to: channels.count, by: step).map { channels[$0] }
    }
}
