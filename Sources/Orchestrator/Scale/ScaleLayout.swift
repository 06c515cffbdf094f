import Audience
import Placement

/// Who watches what where, in one case of a scale run. The Orchestrator and every Reader process make the same one from
/// the same parameters; nobody sends it.
struct ScaleLayout: Sendable {
    let audience: Audience
    let placement: PlacementStrategy
    let readers: [String]
    /// Where everybody is: as simulated, until it was measured.
    private(set) var assignment: Assignment
    /// What the simulation makes of this audience, counted channel by channel.
    let simulated: SpreadOutcome

    /// Readers are called `reader-1` … as in a real run: names decide about rendezvous.
    init(_ audience: Audience, placement: PlacementStrategy, readers count: Int) {
        self.audience = audience
        self.placement = placement
        readers = AssignmentSimulation.readerNames(count)
        assignment = audience.simulation().assign(placement, readers: readers)
        simulated = assignment.outcome()
    }

    /// The same with everybody where the Readers' own placement put them.
    ///
    /// - Parameter parts: of each Reader, channel by channel.
    func measured(_ parts: [[Int: Int]]) -> ScaleLayout {
        var layout = self
        layout.assignment = Assignment(parts, channels: audience.channels)
        return layout
    }

    /// Channels of one Reader, with the viewers that it has of each.
    func channels(ofReader reader: Int) -> [(channel: Int, viewers: Int)] {
        (0..<audience.channels).compactMap { channel in
            let part = assignment.parts(ofChannel: channel).first { Int($0.reader) == reader }
            return part.map { (channel, Int($0.viewers)) }
        }
    }

    /// The closed form's expectation for this kind of placement; `nil` where there is none.
    var formula: SpreadOutcome? {
        SpreadModel.predict(placement, sizes: audience.sizes, readers: readers.count)
    }

    /// The first Reader of each channel in rendezvous order: what the channels of a map are sorted by.
    func leaders(of channels: [Int]) -> [Int] {
        let hashes = readers.map { StableHash.of($0) }
        return channels.map { channel in
            Rendezvous.order(channel: StableHash.of(audience.channelName(channel)), readers: hashes).first ?? 0
        }
    }
}

/// What a number of publishes must lead to, on every Reader: not an estimate, but each publish followed to each viewer.
struct ExpectedDeliveries: Equatable, Sendable {
    private(set) var publishes = 0
    /// Messages that Redis must send to each Reader.
    private(set) var messages: [Int]
    /// Deliveries that each Reader must make.
    private(set) var deliveries: [Int]

    init(readers: Int) {
        messages = Array(repeating: 0, count: readers)
        deliveries = Array(repeating: 0, count: readers)
    }

    mutating func publish(_ channel: Int, times: Int = 1, in assignment: Assignment) {
        publishes += times
        for part in assignment.parts(ofChannel: channel) {
            messages[Int(part.reader)] += times
            deliveries[Int(part.reader)] += times * Int(part.viewers)
        }
    }

    var messagesInAll: Int { messages.reduce(0, +) }
    var deliveriesInAll: Int { deliveries.reduce(0, +) }
}
