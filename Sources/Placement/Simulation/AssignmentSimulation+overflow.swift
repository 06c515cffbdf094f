/// Where `overflow` comes to rest, in counts instead of viewers.
///
/// The live rule (``FullChannels``, ``PlacementPolicy``) lets hot channels give way to cold ones. Its resting point is
/// found by placing channels from the smallest to the largest: each goes to its first Reader as far as there is room,
/// and what is left to the next. Room is the channel's part of a Reader, up to the shed mark; if no Reader has room
/// below that, up to the bound; and at last wherever there are fewest viewers, because nobody is turned away.
extension AssignmentSimulation {
    func overflow(readers: [UInt64]) -> Assignment {
        let mean = Double(viewers.reduce(0, +)) / Double(readers.count)
        var fill = OverflowFill(readers: readers, mean: mean, limits: limits)
        var places: [[OverflowFill.Place]] = Array(repeating: [], count: viewers.count)
        for channel in ascending where viewers[channel] > 0 {
            places[channel] = fill.place(viewers[channel], channel: channelHashes[channel])
        }
        var assignment = Assignment(readers: readers.count, channels: viewers.count)
        for channelPlaces in places {
            for place in channelPlaces { assignment.place(place.viewers, on: place.reader) }
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

    /// Nearly every channel is small and fits where it belongs; only the others need the whole order.
    mutating func place(_ viewers: Int, channel: UInt64) -> [Place] {
        if viewers <= partMax, let first = Rendezvous.first(channel: channel, readers: readers),
            loads[first] + viewers <= shedAbove
        {
            loads[first] += viewers
            return [Place(reader: first, viewers: viewers)]
        }
        return split(viewers, order: Rendezvous.order(channel: channel, readers: readers))
    }

    private mutating func split(_ viewers: Int, order: [Int]) -> [Place] {
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
