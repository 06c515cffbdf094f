import CoreMetrics

/// What the way to the record counts.
struct RecordMetrics: Sendable {
    /// Changes that are in the record now.
    let recorded = Counter(label: "chorus_likes_recorded")
    /// Changes that the record had already, or a newer one.
    let ignored = Counter(label: "chorus_likes_recorded_before")
    let batches = Counter(label: "chorus_likes_record_batches")
    /// Batches that had to be tried again.
    let failures = Counter(label: "chorus_likes_record_failures")
    /// Entries taken over from workers that are gone.
    let claimed = Counter(label: "chorus_likes_entries_claimed")
    /// Changes in the streams.
    let backlog = Gauge(label: "chorus_likes_backlog")
    /// Age of the oldest change in this task's last batch.
    let lagSeconds: Gauge

    init(task: Int) {
        lagSeconds = Gauge(label: "chorus_likes_record_lag_seconds", dimensions: [("task", "\(task)")])
    }
}
