internal import Audience
internal import Wire

/// What became of the comments that were to be written.
struct PublishTally: Equatable, Sendable {
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
    /// By the channel's number in the audience.
    var channels: [Int: ChannelComments] = [:]

    var withoutChannels: PublishTally {
        var tally = self
        tally.channels = [:]
        return tally
    }

    /// Answered, or given up, without an acknowledgement.
    var unacknowledged: Int { stored + refused + unknown + failed }
    /// Requests without an answer so far.
    var outstanding: Int { started - acknowledged - stored - refused - unknown - failed }

    /// One comment was answered.
    ///
    /// - Parameters:
    ///   - digest: of the comment's text.
    ///   - sent: when it was sent, µs since 1970.
    ///   - number: of the comment, when it is to be remembered.
    ///   - microseconds: now, since 1970.
    mutating func answered(
        _ outcome: PublishOutcome, channel: Int, digest: UInt64, number: Int? = nil, sent: Int64 = 0,
        microseconds: Int64 = 0
    ) {
        switch outcome {
        case .acknowledged(let position):
            acknowledged += 1
            remember(number, of: channel)
            channels[channel, default: ChannelComments()].acknowledge(
                position, digest: digest, sent: sent, microseconds: microseconds)
        case .stored:
            stored += 1
            remember(number, of: channel)
            channels[channel, default: ChannelComments()].leaveOpen(digest)
        case .refused: refused += 1
        case .unknown:
            unknown += 1
            channels[channel, default: ChannelComments()].leaveOpen(digest)
        case .failed: failed += 1
        }
    }

    /// One comment was answered by a service that gives no positions. The last place is then the number of comments:
    /// where a viewer stands who got them all (``CommentIndex``).
    mutating func answeredPlainly(status: Int, channel: Int, digest: UInt64) {
        guard status == 201 || status == 202 else {
            return answered(PublishOutcome(status: status, body: []), channel: channel, digest: digest)
        }
        acknowledged += 1
        var comments = channels[channel] ?? ChannelComments()
        comments.leaveOpen(digest)
        comments.acknowledge(
            Position(offset: UInt64(comments.acknowledged + 1), epoch: CommentIndex.epoch), digest: 0, microseconds: 0)
        channels[channel] = comments
    }

    private mutating func remember(_ number: Int?, of channel: Int) {
        guard let number, channels[channel]?.numbers.count ?? 0 < ChannelComments.commentsMax else { return }
        channels[channel, default: ChannelComments()].numbers.append(number)
    }

    /// By channel name.
    func written(_ audience: Audience) -> [String: ChannelComments] {
        Dictionary(uniqueKeysWithValues: channels.map { (audience.channelName($0.key), $0.value) })
    }
}

/// What an answer, or its absence, says of one comment.
enum PublishOutcome: Equatable, Sendable {
    /// Published; its place, if that can be read.
    case acknowledged(Position?)
    /// Kept, and to be published later.
    case stored
    /// Not published.
    case refused
    /// Published or not: no answer came in time, the connection broke, or the service says so.
    case unknown
    /// Not taken, or not as agreed.
    case failed

    /// From CommentAPI's answer.
    init(status: Int, body: [UInt8]) {
        switch status {
        case 201: self = .acknowledged(PublishOutcome.position(in: body))
        case 202: self = .stored
        // The codes of answers that do not know it themselves end like this.
        case 503: self = String(decoding: body, as: UTF8.self).contains("_timeout\"") ? .unknown : .refused
        case 504: self = .unknown
        default: self = .failed
        }
    }

    /// The position in `{"success":true,"comment":{…,"offset":17,"epoch":"k3f9"}}`; `nil` when there is none.
    ///
    /// Nothing is parsed: this runs 20,000 times a second. No text can contain these patterns, since its quotes are
    /// escaped.
    private static func position(in body: [UInt8]) -> Position? {
        body.withUnsafeBytes { bytes in
            guard var index = bytes.behind("\"offset\":"), let offset = bytes.number(at: &index),
                let start = bytes.behind("\"epoch\":\""),
                let end = bytes.firstIndex(of: UInt8(ascii: "\""), from: start)
            else { return nil }
            return Position(parsing: "\(offset).\(String(decoding: bytes[start..<end], as: UTF8.self))")
        }
    }
}
