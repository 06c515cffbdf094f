/// Where and when (µs since 1970) a viewer joined.
struct ViewerJoin: Equatable {
    var offset: UInt64 = 0
    var microseconds: Int64 = 0
    var epoch: UInt16 = 0
}

/// What the audit looks at with each event of a viewer: 16 bytes.
struct ViewerState: Equatable {
    /// The highest offset that was received or told missing, in the current epoch; before that the offset of joining.
    var last: UInt64 = 0
    var channel: UInt32
    /// Index into the channel's epochs; 0 is the beginning, before anybody wrote.
    var epoch: UInt16 = 0
    var flags: Flags = []

    struct Flags: OptionSet {
        let rawValue: UInt16
        /// A `connected` event came: from here on every event is owed.
        static let joined = Flags(rawValue: 1)
        /// Offsets below `last` are missing; they stand in ``MissingOffsets``.
        static let hasMissing = Flags(rawValue: 2)
    }
}

/// The epochs of the channels, as far as anybody saw them. Shared by all viewers of a channel.
struct EpochTable {
    /// More epochs of one channel than this are taken for one: each is a Redis that lost its history.
    static let epochsMax = 1000

    private var epochs: [[[UInt8]]]

    init(channels: Int) {
        epochs = Array(repeating: [], count: channels)
    }

    var count: Int { epochs.count }

    mutating func add() -> Int {
        epochs.append([])
        return epochs.count - 1
    }

    /// The index of an epoch in its channel, from 1 in the order in which they appeared; 0 for `0`, the beginning.
    mutating func index(of text: UnsafeBufferPointer<UInt8>, channel: Int) -> UInt16 {
        // The newest epoch first: nearly every event has it.
        var index = epochs[channel].count
        while index > 0 {
            if epochs[channel][index - 1].elementsEqual(text) { return UInt16(index) }
            index -= 1
        }
        if text.count == 1, text[0] == UInt8(ascii: "0") { return 0 }
        if epochs[channel].count < EpochTable.epochsMax { epochs[channel].append(Array(text)) }
        return UInt16(epochs[channel].count)
    }
}
