internal import Wire

/// What became of the comments that were to be written.
struct PublishTally: Equatable, Sendable {
    /// A channel's acknowledged comments and the place of the newest.
    struct Channel: Equatable, Sendable {
        var acknowledged = 0
        var last: Position?
    }

    /// Arrivals of the open loop.
    var offered = 0
    /// Requests that were sent.
    var started = 0
    var acknowledged = 0
    /// Answered with 503: the service said no in an orderly way.
    var refused = 0
    /// Any other answer than 201, a broken connection, or no answer in time.
    var failed = 0
    /// Arrivals that could not start since all connections were busy or broken.
    var dropped = 0
    /// By the channel's number in the audience.
    var channels: [Int: Channel] = [:]

    /// Requests without an answer so far.
    var outstanding: Int { started - acknowledged - refused - failed }

    /// One comment was answered.
    mutating func answered(status: Int, position: Position?, channel: Int) {
        switch status {
        case 201:
            acknowledged += 1
            guard let position else { return }
            channels[channel, default: Channel()].acknowledged += 1
            advance(channel, to: position)
        case 503: refused += 1
        default: failed += 1
        }
    }

    /// One comment was answered by a service that gives no positions. The last place is then the number of comments:
    /// where a viewer stands who got them all (``CommentIndex``).
    mutating func answeredPlainly(status: Int, channel: Int) {
        guard status == 201 || status == 202 else { return answered(status: status, position: nil, channel: channel) }
        acknowledged += 1
        channels[channel, default: Channel()].acknowledged += 1
        let count = channels[channel]?.acknowledged ?? 0
        channels[channel]?.last = Position(offset: UInt64(count), epoch: CommentIndex.epoch)
    }

    private mutating func advance(_ channel: Int, to position: Position) {
        // Answers may overtake each other; another epoch is a newer one.
        if let last = channels[channel]?.last, last.epoch == position.epoch, last.offset >= position.offset { return }
        channels[channel, default: Channel()].last = position
    }
}
