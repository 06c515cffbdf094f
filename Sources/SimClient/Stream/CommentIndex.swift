/// Gives offsets to the comments of a channel whose event ids say nothing: 1, 2, 3 … in the order in which they were seen
/// first, by whichever viewer.
///
/// With them the audit works as with a service's own: all viewers of a channel are owed the same comments in the same
/// order. What a viewer jumped over is missing, and what has an offset already and comes again is repeated. The offset
/// of the last one is also the number of comments: a comment that came to nobody shows in comparison with the number of
/// acknowledged ones.
struct CommentIndex: Sendable {
    /// The epoch of such offsets.
    static let epoch = "plain"
    /// More comments of one channel in one run are not told apart any more.
    static let commentsMax = 1 << 20

    private struct Key: Hashable {
        var shard: Int
        var number: Int
    }

    private var offsets: [Key: UInt64] = [:]

    /// The offset of the newest comment, 0 before the first.
    var last: UInt64 { UInt64(offsets.count) }

    /// The comment's offset; `nil` when it is new and there are too many.
    mutating func offset(of stamp: CommentText.Stamp) -> UInt64? {
        let key = Key(shard: stamp.shard, number: stamp.number)
        if let known = offsets[key] { return known }
        guard offsets.count < CommentIndex.commentsMax else { return nil }
        offsets[key] = last + 1
        return last
    }
}
