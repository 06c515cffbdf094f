import Storage
import Wire

/// The rows of ``MemoryCommentStore``, in the order of storing.
struct MemoryComments {
    private struct Row {
        let comment: Comment
        let storedAt: ContinuousClock.Instant
        var position: Position?
        var removedAt: ContinuousClock.Instant?
        var removalPosition: Position?

        var stored: StoredComment { StoredComment(comment: comment, position: position, isRemoved: removedAt != nil) }
    }

    private var rows: [Row] = []
    private var indexes: [String: Int] = [:]
    private var lease: (owner: String, end: ContinuousClock.Instant)?

    mutating func store(_ comment: Comment, at now: ContinuousClock.Instant, countMax: Int) -> StorageError? {
        guard indexes[comment.id] == nil else { return StorageError(.duplicate, "the id is stored already") }
        guard rows.count < countMax else { return StorageError(.overloaded, "the memory for comments is full") }
        indexes[comment.id] = rows.count
        rows.append(Row(comment: comment, storedAt: now))
        return nil
    }

    mutating func mark(_ marks: [PublishedPosition]) {
        for mark in marks {
            guard let index = indexes[mark.id] else { continue }
            switch mark.kind {
            case .comment: rows[index].position = rows[index].position ?? mark.position
            case .removal: rows[index].removalPosition = rows[index].removalPosition ?? mark.position
            }
        }
    }

    mutating func takeLease(_ owner: String, until end: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Bool {
        if let lease, lease.owner != owner, lease.end >= now { return false }
        lease = (owner, end)
        return true
    }

    mutating func releaseLease(_ owner: String) {
        if lease?.owner == owner { lease = nil }
    }

    func unpublished(before limit: ContinuousClock.Instant) -> [OutboxEntry] {
        let comments = rows.filter { $0.position == nil && $0.removedAt == nil && $0.storedAt < limit }
        let removals = rows.compactMap { row in
            row.removalPosition == nil ? row.removedAt.map { (row: row, at: $0) } : nil
        }
        let oldest = removals.filter { $0.at < limit }.sorted { $0.at < $1.at }
        return comments.compactMap { entry(.comment, $0) } + oldest.compactMap { entry(.removal, $0.row) }
    }

    func depth(at now: ContinuousClock.Instant) -> OutboxDepth {
        let waiting = rows.compactMap { row in
            row.removedAt.map { row.removalPosition == nil ? $0 : nil } ?? (row.position == nil ? row.storedAt : nil)
        }
        return OutboxDepth(count: waiting.count, oldest: waiting.min().map { now - $0 } ?? .zero)
    }

    /// `nil` when `before` names no comment of the video.
    func history(_ video: String, before: String?, limit: Int) -> HistoryPage? {
        var end = rows.count
        if let before {
            guard let index = indexes[before], rows[index].comment.videoid == video else { return nil }
            end = index
        }
        let found = rows[..<end].reversed().lazy.filter { $0.comment.videoid == video && $0.removedAt == nil }
        let page = Array(found.prefix(limit + 1)).map(\.stored)
        return HistoryPage(
            comments: Array(page.prefix(limit)), next: page.count > limit ? page[limit - 1].comment.id : nil)
    }

    mutating func remove(_ id: String, by user: String, moderator: Bool, at now: ContinuousClock.Instant) -> Removal {
        guard let index = indexes[id] else { return .notFound }
        guard moderator || rows[index].comment.userid == user else { return .forbidden }
        guard rows[index].removedAt == nil else { return .alreadyRemoved(rows[index].stored) }
        rows[index].removedAt = now
        return .removed(rows[index].stored)
    }

    func comment(_ id: String) -> StoredComment? { indexes[id].map { rows[$0].stored } }

    private func entry(_ kind: CommentEventKind, _ row: Row) -> OutboxEntry? {
        Channel.video(row.comment.videoid).map { OutboxEntry(kind: kind, channel: $0, comment: row.comment) }
    }
}
