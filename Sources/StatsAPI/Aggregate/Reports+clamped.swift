internal import Wire

/// Counts come from other processes. They are clamped here, so that no sum of them can overflow; that none is negative was
/// checked before (``CheckedReport``).
extension Int {
    /// 0 to 2^40, a million million.
    var clamped: Int { Swift.min(Swift.max(self, 0), 1 << 40) }
}

extension [String: Int] {
    /// At most `codesMax` entries, the first ones by name, each with a clamped count.
    func clamped(_ limits: AggregateLimits) -> [String: Int] {
        let kept = count > limits.codesMax ? Array(sorted { $0.key < $1.key }.prefix(limits.codesMax)) : Array(self)
        return Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value.clamped) })
    }
}

extension ReaderReport {
    /// Without its lists, which may be large and are applied as changes.
    func clamped(_ limits: AggregateLimits) -> ReaderReport {
        var clamped = self
        clamped.subscribed = []
        clamped.unsubscribed = []
        clamped.viewers = [:]
        clamped.activeConnections = activeConnections.clamped
        clamped.totalConnections = totalConnections.clamped
        clamped.totalMessagesReceived = totalMessagesReceived.clamped
        clamped.totalMessagesSent = totalMessagesSent.clamped
        clamped.disconnects = disconnects.clamped(limits)
        clamped.refusals = refusals.clamped(limits)
        clamped.notRedirected = notRedirected?.clamped
        clamped.extraSubscriptions = extraSubscriptions?.clamped
        return clamped
    }
}

extension LikeReport {
    func clamped(_ limits: AggregateLimits) -> LikeReport {
        var clamped = self
        clamped.changed = changed.clamped
        clamped.recorded = recorded.clamped
        clamped.backlog = backlog?.clamped
        clamped.lagSeconds = lagSeconds.map { $0.isFinite ? min(max($0, 0), 1e9) : 0 }
        clamped.refusals = refusals.clamped(limits)
        return clamped
    }
}

extension CommentAPIReport {
    /// Without its counts by channel, which are summed separately.
    func clamped(_ limits: AggregateLimits) -> CommentAPIReport {
        var clamped = self
        clamped.totalCommentsReceived = totalCommentsReceived.clamped
        clamped.totalCommentsPublished = totalCommentsPublished.clamped
        clamped.refusals = refusals.clamped(limits)
        clamped.publishedByChannel = [:]
        clamped.publishedElsewhere = 0
        clamped.commentsByVideo = nil
        if let database, (database.id ?? "").utf8.count <= limits.nameLengthMax {
            clamped.database?.storedComments = database.storedComments.clamped
        } else {
            clamped.database = nil
        }
        clamped.latestComments = (latestComments ?? []).prefix(Statistics.StoredComments.latestMax).filter { comment in
            Identifier.isValid(comment.id) && Identifier.isValid(comment.userid) && Identifier.isValid(comment.videoid)
                && comment.comment.utf8.count <= 4 * Comment.textLengthMax && comment.timestamp.utf8.count <= 32
        }
        return clamped
    }
}

extension ClientReport {
    func clamped() -> ClientReport {
        var clamped = self
        clamped.viewers = viewers.clamped
        clamped.connected = connected.clamped
        clamped.commentsGenerated = commentsGenerated.clamped
        clamped.commentsConsumed = commentsConsumed.clamped
        clamped.reconnects = reconnects.clamped
        clamped.subscribedTopics = subscribedTopics.map {
            Array($0.lazy.filter { Channel(name: $0) != nil }.prefix(Statistics.listMax))
        }
        return clamped
    }
}
