internal import Foundation
public import Wire

/// The comments of one channel, as those know them who wrote them: what every delivery is compared with.
public struct ChannelComments: Codable, Equatable, Sendable {
    /// Where a comment stands, the digest of its text, 0 where the service does not say which comment stands there, and
    /// when it was sent, µs since 1970.
    public struct Comment: Equatable, Sendable {
        public var offset: UInt64
        public var digest: UInt64
        public var sent: Int64

        public init(offset: UInt64, digest: UInt64, sent: Int64 = 0) {
            (self.offset, self.digest, self.sent) = (offset, digest, sent)
        }
    }

    /// The acknowledged comments of one epoch.
    public struct Epoch: Codable, Equatable, Sendable {
        public var name: String
        /// µs since 1970 of the first acknowledgement.
        public var since: Int64
        /// The highest acknowledged offset.
        public var last: UInt64
        /// In the order in which they were acknowledged.
        public var comments: [Comment]

        public init(name: String, since: Int64 = 0, comments: [Comment] = []) {
            (self.name, self.since, self.comments) = (name, since, comments)
            last = comments.reduce(0) { max($0, $1.offset) }
        }
    }

    /// All that were acknowledged, those without a readable position too.
    public var acknowledged = 0
    /// In the order in which they began.
    public var epochs: [Epoch] = []
    /// Digests of comments that may stand at an offset that nobody told: stored for later, or without an answer.
    public var unplaced: [UInt64] = []
    /// Numbers of the comments that were acknowledged or stored, when they are wanted.
    public var numbers: [Int] = []
    /// Comments that were not remembered one by one, being beyond ``commentsMax``.
    public var forgotten = 0

    /// More comments of a channel are only counted.
    public static let commentsMax = 1_000_000
    /// More epochs of a channel are counted to its last one: each is a Redis that lost everything.
    public static let epochsMax = 64

    public init() {}

    /// The last acknowledged position of each epoch.
    public var ends: [Position] { epochs.map { Position(offset: $0.last, epoch: $0.name) } }

    /// Comments that were acknowledged at a position that another one has.
    public var atTakenPositions: Int {
        epochs.reduce(0) { $0 + $1.comments.count - Set($1.comments.map(\.offset)).count }
    }

    /// Takes an acknowledgement.
    ///
    /// - Parameters:
    ///   - position: the comment's place; `nil` when it cannot be read.
    ///   - sent: when it was sent, µs since 1970.
    ///   - microseconds: now, since 1970.
    public mutating func acknowledge(_ position: Position?, digest: UInt64, sent: Int64 = 0, microseconds: Int64) {
        acknowledged += 1
        guard let position else { return leaveOpen(digest) }
        // Answers may overtake each other, those of an older epoch too.
        var index = epochs.firstIndex { $0.name == position.epoch }
        if index == nil, epochs.count < ChannelComments.epochsMax {
            epochs.append(Epoch(name: position.epoch, since: microseconds))
            index = epochs.count - 1
        }
        guard let index else { return forgotten += 1 }
        epochs[index].last = max(epochs[index].last, position.offset)
        guard epochs[index].comments.count < ChannelComments.commentsMax else { return forgotten += 1 }
        epochs[index].comments.append(Comment(offset: position.offset, digest: digest, sent: sent))
    }

    /// A comment that may be published, nobody knows where.
    public mutating func leaveOpen(_ digest: UInt64) {
        if unplaced.count < ChannelComments.commentsMax { unplaced.append(digest) } else { forgotten += 1 }
    }

    /// The same channel as another writer knows it. The newest epoch is the one whose first acknowledgement came last.
    public func merged(with other: Self) -> Self {
        var merged = self
        merged.acknowledged += other.acknowledged
        merged.unplaced += other.unplaced
        merged.numbers += other.numbers
        merged.forgotten += other.forgotten
        for epoch in other.epochs {
            guard let known = merged.epochs.firstIndex(where: { $0.name == epoch.name }) else {
                merged.epochs.append(epoch)
                continue
            }
            merged.epochs[known].since = min(merged.epochs[known].since, epoch.since)
            merged.epochs[known].last = max(merged.epochs[known].last, epoch.last)
            merged.epochs[known].comments += epoch.comments
        }
        merged.epochs.sort { ($0.since, $0.name) < ($1.since, $1.name) }
        return merged
    }
}

extension ChannelComments.Epoch {
    private enum Key: String, CodingKey {
        case name, since, last, comments
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        name = try container.decode(String.self, forKey: .name)
        since = try container.decode(Int64.self, forKey: .since)
        last = try container.decode(UInt64.self, forKey: .last)
        let bytes = try container.decode(Data.self, forKey: .comments)
        guard bytes.count.isMultiple(of: 24) else {
            throw DecodingError.dataCorruptedError(
                forKey: .comments, in: container, debugDescription: "not offset, digest and time of sending")
        }
        comments = bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 24).map { start in
                func word(_ index: Int) -> UInt64 {
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + index * 8, as: UInt64.self))
                }
                return ChannelComments.Comment(offset: word(0), digest: word(1), sent: Int64(bitPattern: word(2)))
            }
        }
    }

    /// Comments are base64 of 24 bytes each, offset, digest and time, little-endian: a run has 100,000 of them.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        try container.encode(since, forKey: .since)
        try container.encode(last, forKey: .last)
        var bytes = Data(capacity: comments.count * 24)
        for comment in comments {
            for word in [comment.offset, comment.digest, UInt64(bitPattern: comment.sent)] {
                withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        try container.encode(bytes, forKey: .comments)
    }
}
