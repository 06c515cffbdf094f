internal import Wire

/// Counts come from other processes. Negative and absurd ones are cut here, so that no sum of them can overflow.
extension Int {
    /// Within 0 and 2^40, a million million.
    var sane: Int { Swift.min(Swift.max(self, 0), 1 << 40) }
}

extension [String: Int] {
    /// At most `codesMax` entries, the first ones by name, each with a sane count.
    func sane(_ limits: AggregateLimits) -> [String: Int] {
        let kept = count > limits.codesMax ? Array(sorted { $0.key < $1.key }.prefix(limits.codesMax)) : Array(self)
        return Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value.sane) })
    }
}

extension ReaderReport {
    /// Without its lists, which may be large and are applied as changes.
    func sane(_ limits: AggregateLimits) -> ReaderReport {
        var sane = self
        sane.subscribed = []
        sane.unsubscribed = []
        sane.viewers = [:]
        sane.activeConnections = activeConnections.sane
        sane.totalConnections = totalConnections.sane
        sane.totalMessagesReceived = totalMessagesReceived.sane
        sane.totalMessagesSent = totalMessagesSent.sane
        sane.disconnects = disconnects.sane(limits)
        sane.refusals = refusals.sane(limits)
        return sane
    }
}

extension CommentAPIReport {
    /// Without its counts by channel, which are added up elsewhere.
    func sane(_ limits: AggregateLimits) -> CommentAPIReport {
        var sane = self
        sane.totalCommentsReceived = totalCommentsReceived.sane
        sane.totalCommentsPublished = totalCommentsPublished.sane
        sane.refusals = refusals.sane(limits)
        sane.publishedByChannel = [:]
        sane.publishedElsewhere = 0
        return sane
    }
}

extension ClientReport {
    func sane() -> ClientReport {
        var sane = self
        sane.viewers = viewers.sane
        sane.connected = connected.sane
        sane.commentsGenerated = commentsGenerated.sane
        sane.commentsConsumed = commentsConsumed.sane
        sane.reconnects = reconnects.sane
        return sane
    }
}
