import CoreMetrics

/// What likes count.
public struct LikeMetrics: Sendable {
    /// Calls that applied a batch.
    let batches = Counter(label: "chorus_likes_batches")
    /// Intents that those calls carried.
    let intents = Counter(label: "chorus_likes_intents")
    /// Intents that changed something.
    let changed = Counter(label: "chorus_likes_changed")
    /// Intents refused because a part's queue was full.
    let refused = Counter(label: "chorus_likes_refused_overloaded")
    /// Intents refused because the stream to the record was full.
    let backlogFull = Counter(label: "chorus_likes_refused_backlog_full")
    /// Parts loaded from the record.
    let loads = Counter(label: "chorus_likes_parts_loaded")
    let loadsFailed = Counter(label: "chorus_likes_parts_not_loaded")
    let membersLoaded = Counter(label: "chorus_likes_members_loaded")
    /// Reads of counts from Redis, and the photos they asked for.
    let countReads = Counter(label: "chorus_likes_count_reads")
    let countsRead = Counter(label: "chorus_likes_counts_read")
    /// State events sent, and those that waited because the photo had its share of the second.
    let announced = Counter(label: "chorus_likes_announced")
    let announcementsDeferred = Counter(label: "chorus_likes_announcements_deferred")
    /// Photos whose change was not announced because too many photos changed at once.
    let announcementsDropped = Counter(label: "chorus_likes_announcements_dropped")

    public init() {}

    func batch(_ count: Int) {
        batches.increment()
        intents.increment(by: count)
    }
}
