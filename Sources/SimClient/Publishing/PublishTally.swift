internal import Wire

/// What became of the comments that were to be written.
struct PublishTally: Equatable, Sendable {
    /// Acknowledged comments of one epoch of a channel.
    struct Epoch: Equatable, Sendable {
        var acknowledged = 1
        /// The highest place.
        var last: Position
        /// When the first of them was acknowledged, in µs since 1970.
        var since: Int64
        /// All offsets, when they are wanted.
        var offsets: Set<UInt64> = []
    }

    /// A channel's acknowledged comments.
    struct Channel: Equatable, Sendable {
        var acknowledged = 0
        /// In the order in which they began.
        var epochs: [Epoch] = []
        /// Numbers of the comments that were acknowledged or stored, when they are wanted.
        var numbers: [Int] = []
        /// The place of the newest.
        var last: Position? { epochs.last?.last }
    }

    /// Arrivals of the open loop.
    var offered = 0
    /// Requests that were sent.
    var started = 0
    var acknowledged = 0
    /// Stored, but not published yet: answered with 202.
    var stored = 0
    /// Answered with 503: the service said no in an orderly way.
    var refused = 0
    /// Nobody knows whether they are published: the connection broke, no answer came in time, or the service says so.
    var unknown = 0
    /// Any other answer.
    var failed = 0
    /// Arrivals that could not start since all connections were busy or broken.
    var dropped = 0
    /// Acknowledged at an offset of an epoch at which another comment had been acknowledged before.
    var acknowledgedTwice = 0
    /// By the channel's number in the audience.
    var channels: [Int: Channel] = [:]

    /// Answered, or given up, without an acknowledgement.
    var unacknowledged: Int { stored + refused + unknown + failed }
    /// Requests without an answer so far.
    var outstanding: Int { started - acknowledged - stored - refused - unknown - failed }

    /// More epochs of a channel are counted to its last one: each is a Redis that lost everything.
    static let epochsMax = 64
    /// More numbers of a channel are not remembered.
    static let numbersMax = 1_000_000

    /// One comment was answered.
    ///
    /// - Parameters:
    ///   - number: of the comment, when it is to be remembered.
    ///   - microseconds: now, since 1970.
    mutating func answered(_ outcome: PublishOutcome, channel: Int, number: Int? = nil, microseconds: Int64 = 0) {
        switch outcome {
        case .acknowledged(let position):
            acknowledged += 1
            remember(number, of: channel)
            guard let position else { return }
            channels[channel, default: Channel()].acknowledged += 1
            let isNew = channels[channel]?.advance(to: position, microseconds: microseconds, remembers: number != nil)
            if isNew == false { acknowledgedTwice += 1 }
        case .stored:
            stored += 1
            remember(number, of: channel)
        case .refused: refused += 1
        case .unknown: unknown += 1
        case .failed: failed += 1
        }
    }

    /// One comment was answered by a service that gives no positions. The last place is then the number of comments:
    /// where a viewer stands who got them all (``CommentIndex``).
    mutating func answeredPlainly(status: Int, channel: Int) {
        guard status == 201 || status == 202 else {
            return answered(PublishOutcome(status: status, body: []), channel: channel)
        }
        acknowledged += 1
        channels[channel, default: Channel()].acknowledged += 1
        let count = channels[channel]?.acknowledged ?? 0
        _ = channels[channel]?.advance(
            to: Position(offset: UInt64(count), epoch: CommentIndex.epoch), microseconds: 0, remembers: false)
    }

    private mutating func remember(_ number: Int?, of channel: Int) {
        guard let number, channels[channel]?.numbers.count ?? 0 < PublishTally.numbersMax else { return }
        channels[channel, default: Channel()].numbers.append(number)
    }
}

extension PublishTally.Channel {
    /// - Returns: whether no comment had this position before, as far as positions are remembered.
    fileprivate mutating func advance(to position: Position, microseconds: Int64, remembers: Bool) -> Bool {
        // Answers may overtake each other, those of an older epoch too.
        if let known = epochs.firstIndex(where: { $0.last.epoch == position.epoch }) {
            epochs[known].acknowledged += 1
            if epochs[known].last.offset < position.offset { epochs[known].last = position }
            return !remembers || epochs[known].offsets.insert(position.offset).inserted
        } else if epochs.count < PublishTally.epochsMax {
            epochs.append(
                PublishTally.Epoch(
                    last: position, since: microseconds, offsets: remembers ? [position.offset] : []))
        }
        return true
    }
}
