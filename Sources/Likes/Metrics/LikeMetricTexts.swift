/// The sentences that `/metrics` says of each metric here, by the label that its handle was made with.
public enum LikeMetricTexts {
    public static let all: [(label: String, text: String)] = [
        ("chorus_likes_batches", "Calls to Redis that applied a batch of likes and unlikes."),
        ("chorus_likes_intents", "Likes and unlikes that those calls carried."),
        ("chorus_likes_changed", "Likes and unlikes that changed something: repetitions do not."),
        ("chorus_likes_refused_overloaded", "Likes refused because too many waited for their part."),
        ("chorus_likes_refused_backlog_full", "Likes refused because LIKE_STREAM_MAX changes wait for the record."),
        ("chorus_likes_parts_loaded", "Parts of photos that were loaded from the record into Redis."),
        ("chorus_likes_parts_not_loaded", "Parts whose load from the record failed."),
        ("chorus_likes_members_loaded", "Likes that were copied from the record into Redis."),
        ("chorus_likes_count_reads", "Round trips that read counts from Redis."),
        ("chorus_likes_counts_read", "Photos whose counts those round trips asked for."),
        ("chorus_likes_announced", "State events with a count that were sent to viewers."),
        ("chorus_likes_announcements_deferred", "Counts that waited for the photo's share of the second."),
        ("chorus_likes_announcements_dropped", "Changes not announced because too many photos changed at once."),
        ("chorus_likes_recorded", "Changes that this process brought into the record."),
        ("chorus_likes_recorded_before", "Changes that the record had already, or a newer one."),
        ("chorus_likes_record_batches", "Batches of changes that are in the record and out of the streams."),
        ("chorus_likes_record_failures", "Batches that had to be tried again."),
        ("chorus_likes_entries_claimed", "Stream entries taken over from workers that are gone."),
        ("chorus_likes_entries_set_aside", "Stream entries and changes set aside in likes:poisoned."),
        ("chorus_likes_backlog", "Changes that wait for the record, over all parts."),
        ("chorus_likes_record_lag_seconds", "Age of the oldest change in a worker task's last batch."),
        ("chorus_likes_notifications_skipped", "Likes of which nobody is told: the queue is full."),
        ("chorus_likes_notifications_recorded", "Likes that were grouped into notifications and kept."),
        ("chorus_likes_notifications_sent", "Notifications that were sent live to owners."),
    ]
}
