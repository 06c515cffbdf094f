import CoreMetrics

/// What likes count; ``LikeMetricTexts`` says what each handle means.
public struct LikeMetrics: Sendable {
    let batches = Counter(label: "chorus_likes_batches")
    let intents = Counter(label: "chorus_likes_intents")
    let changed = Counter(label: "chorus_likes_changed")
    let refused = Counter(label: "chorus_likes_refused_overloaded")
    let backlogFull = Counter(label: "chorus_likes_refused_backlog_full")
    let loads = Counter(label: "chorus_likes_parts_loaded")
    let loadsFailed = Counter(label: "chorus_likes_parts_not_loaded")
    let partitionsOlder = Counter(label: "chorus_likes_parts_older")
    let membersLoaded = Counter(label: "chorus_likes_members_loaded")
    let countReads = Counter(label: "chorus_likes_count_reads")
    let countsRead = Counter(label: "chorus_likes_counts_read")
    let announced = Counter(label: "chorus_likes_announced")
    let announcementsDeferred = Counter(label: "chorus_likes_announcements_deferred")
    let announcementsDropped = Counter(label: "chorus_likes_announcements_dropped")

    public init() {}
}

/// What write-behind counts.
struct WriteBehindMetrics: Sendable {
    let stored = Counter(label: "chorus_likes_recorded")
    let ignored = Counter(label: "chorus_likes_recorded_before")
    let batches = Counter(label: "chorus_likes_record_batches")
    let failures = Counter(label: "chorus_likes_record_failures")
    let claimed = Counter(label: "chorus_likes_entries_claimed")
    let setAside = Counter(label: "chorus_likes_entries_set_aside")
    let newer = Counter(label: "chorus_likes_entries_newer")
    let deadLetters = Gauge(label: "chorus_likes_dead_letters")
    let backlog = Gauge(label: "chorus_likes_backlog")
    let lagSeconds: Gauge

    init(task: Int) {
        lagSeconds = Gauge(label: "chorus_likes_record_lag_seconds", dimensions: [("task", "\(task)")])
    }
}

/// The sentences that `/metrics` says of each metric here, by the label that its handle was made with.
public enum LikeMetricTexts {
    public static let all: [(label: String, text: String)] = [
        ("chorus_likes_batches", "Calls to Redis that applied a batch of likes and unlikes."),
        ("chorus_likes_intents", "Likes and unlikes that those calls carried."),
        ("chorus_likes_changed", "Likes and unlikes that changed something: repetitions do not."),
        ("chorus_likes_refused_overloaded", "Likes refused because too many waited for their partition."),
        ("chorus_likes_refused_backlog_full", "Likes refused because LIKE_STREAM_MAX changes wait for the database."),
        ("chorus_likes_parts_loaded", "Partitions of photos that were loaded from the database into Redis."),
        ("chorus_likes_parts_not_loaded", "Partitions whose load from the database failed."),
        ("chorus_likes_parts_older", "Partitions in which Redis was older than the database, which are read anew."),
        ("chorus_likes_members_loaded", "Likes that were copied from the database into Redis."),
        ("chorus_likes_count_reads", "Round trips that read counts from Redis."),
        ("chorus_likes_counts_read", "Photos whose counts those round trips asked for."),
        ("chorus_likes_announced", "State events with a count that were sent to viewers."),
        ("chorus_likes_announcements_deferred", "Counts that waited for the photo's share of the second."),
        ("chorus_likes_announcements_dropped", "Changes not announced because too many photos changed at once."),
        ("chorus_likes_recorded", "Changes that this process stored in the database."),
        ("chorus_likes_recorded_before", "Changes that the database had already, or a newer one."),
        ("chorus_likes_record_batches", "Batches of changes that are in the database and out of the streams."),
        ("chorus_likes_record_failures", "Batches that had to be tried again."),
        ("chorus_likes_entries_claimed", "Stream entries taken over from workers that are gone."),
        ("chorus_likes_entries_set_aside", "Stream entries and changes that went to the dead letters, likes:poisoned."),
        ("chorus_likes_entries_newer", "Looks at stream entries that only a worker of a newer release can read."),
        ("chorus_likes_dead_letters", "Dead letters that wait for somebody to look at them; 10,000 at most."),
        ("chorus_likes_backlog", "Changes that wait for the database, over all partitions."),
        ("chorus_likes_record_lag_seconds", "Age of the oldest change in a worker task's last batch."),
        ("chorus_likes_notifications_skipped", "Likes whose owners are not notified: the outbox is full."),
        ("chorus_likes_notifications_recorded", "Notifications that were stored or grew."),
        ("chorus_likes_notifications_sent", "Notifications that were sent live to owners."),
    ]
}
