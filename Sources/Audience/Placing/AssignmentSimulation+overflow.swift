internal import Placement

/// Where `overflow` comes to rest, in counts instead of viewers.
///
/// The live rule (``FullChannels``, ``PlacementPolicy``) lets hot channels give way to cold ones. Its resting point is
/// found by placing channels from the smallest to the largest: each goes to its first Reader as far as there is room,
/// and what is left to the next. Room is the channel's part of a Reader, up to the shed mark; if no Reader has room
/// below that, up to the bound; and at last wherever there are fewest viewers, because nobody is turned away.
extension AssignmentSimulation {
    func overflow(readers: [UInt64], leaders: [Int32]) -> Assignment {
        let mean = Double(viewers.reduce(0, +)) / Double(readers.count)
        var fill = OverflowFill(readers: readers, mean: mean, limits: limits)
        // Nearly every channel is whole: an array of places for each would be most of the work.
        var split: [Int: [OverflowFill.Place]] = [:]
        for channel in ascending where viewers[channel] > 0 {
            if fill.placeWhole(viewers[channel], on: Int(leaders[channel])) { continue }
            split[channel] = fill.split(viewers[channel], channel: channelHashes[channel])
        }
        var assignment = Assignment(readers: readers.count, channels: viewers.count)
        for (channel, channelViewers) in viewers.enumerated() {
            if let places = split[channel] {
                for place in places { assignment.place(place.viewers, on: place.reader) }
            } else if channelViewers > 0 {
                assignment.place(channelViewers, on: Int(leaders[channel]))
            }
            assignment.endChannel()
        }
        return assignment
    }
}

/// Readers being filled by one channel after the other.
struct OverflowFill {
    struct Place: Equatable {
        let reader: Int
        var viewers: Int
    }

    private let readers: [UInt64]
    private let partMax: Int
    private let shedAbove: Int
    private let connectionsMax: Int
    private let partMin: Int
    private(set) var loads: [Int]

    init(readers: [UInt64], mean: Double, limits: PlacementLimits) {
        self.readers = readers
        partMax = limits.partMax(mean: mean)
        shedAbove = limits.shedAbove(mean: mean)
        connectionsMax = limits.connectionsMax(mean: mean)
        partMin = limits.partMin
        loads = Array(repeating: 0, count: readers.count)
    }

    /// Takes a channel as a whole on its first Reader, if it fits below the shed mark.
    mutating func placeWhole(_ viewers: Int, on reader: Int) -> Bool {
        guard viewers <= partMax, loads[reader] + viewers <= shedAbove else { return false }
        loads[reader] += viewers
        return true
    }

    mutating func split(_ viewers: Int, channel: UInt64) -> [Place] {
        let order = Rendezvous.order(channel: channel, readers: readers)
        var places: [Place] = []
        var left = viewers
        for reader in order where left > 0 {
            take(min(partMax, shedAbove - loads[reader]), of: &left, on: reader, into: &places)
        }
        for reader in order where left > 0 {
            take(connectionsMax - loads[reader], of: &left, on: reader, into: &places)
        }
        if left > 0, let emptiest = order.min(by: { loads[$0] < loads[$1] }) {
            add(left, on: emptiest, to: &places)
        }
        return places
    }

    /// Less room than the smallest part is none, unless it is enough.
    private mutating func take(_ room: Int, of left: inout Int, on reader: Int, into places: inout [Place]) {
        let taken = min(room, left)
        guard taken > 0, taken == left || taken >= partMin else { return }
        add(taken, on: reader, to: &places)
        left -= taken
    }

    private mutating func add(_ viewers: Int, on reader: Int, to places: inout [Place]) {
        loads[reader] += viewers
        if let index = places.firstIndex(where: { $0.reader == reader }) {
            places[index].viewers += viewers
        } else {
            places.append(Place(reader: reader, viewers: viewers))
        }
    }
}
