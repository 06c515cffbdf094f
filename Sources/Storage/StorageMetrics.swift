import Metrics

/// What the stores count; made once per process.
struct StorageMetrics: Sendable {
    /// Comments that are stored and answered so.
    let stored = Counter(label: "chorus_storage_comments_stored_total")
    /// Multi-row statements for comments, halves of a split batch included.
    let batches = Counter(label: "chorus_storage_comment_batches_total")
    /// Rows of each of them.
    let batchRows = Recorder(label: "chorus_storage_comment_batch_rows", aggregate: true)
    /// From sending such a statement to its answer.
    let batchTime = Timer(label: "chorus_storage_comment_batch_seconds")
    /// Published positions that were saved.
    let positionsSaved = Counter(label: "chorus_storage_marks_written_total")
    /// Published positions that were given up; the outbox sweep finds them again.
    let positionsDropped = Counter(label: "chorus_storage_marks_dropped_total")
    /// Comments and removals that the outbox sweep published.
    let swept = Counter(label: "chorus_storage_outbox_published_total")
    /// Publications of the outbox sweep that failed.
    let sweepFailures = Counter(label: "chorus_storage_outbox_failures_total")
    /// Likes and unlikes that changed a row.
    let likesChanged = Counter(label: "chorus_storage_likes_changed_total")
    /// Likes and unlikes that were older than the stored row, or the same.
    let likesIgnored = Counter(label: "chorus_storage_likes_ignored_total")

    private let refusedByCode: [StorageError.Code: Counter]

    init() {
        let codes: [StorageError.Code] = [
            .unavailable, .timeout, .overloaded, .duplicate, .invalid, .refused, .unknownCursor, .internal,
        ]
        refusedByCode = Dictionary(
            uniqueKeysWithValues: codes.map {
                ($0, Counter(label: "chorus_storage_comments_refused_total", dimensions: [("code", $0.rawValue)]))
            })
    }

    /// Comments that were not stored, by the code that their writer got.
    func refused(_ code: StorageError.Code) { refusedByCode[code]?.increment() }
}
