internal import SocketLoop
internal import Wire

/// Viewers who recover: they wait for their history, are fed, and join the ring.
extension FanoutLoop {
    /// The history of a recovering viewer was read: it is fed what it missed, then what came meanwhile, and joins the
    /// ring. What its socket does not take at once follows with ``feed(_:_:)``.
    func recover(_ id: ViewerID, _ missed: MissedFrames, _ cursor: RecoveryCursor, _ sockets: Connections) {
        guard let recovering = (viewer(id)?.first.topic).flatMap({ existing($0) })?.recovering,
            recovering.beginFeed(missed, to: id, cursor, now: sockets.now)
        else { return }
        acknowledgeRecovery(of: id, missed, sockets)
        recoveryMemory.retain(missed.history, for: id)
        feed(id, sockets)
    }

    /// The socket has taken what it was given: the viewer gets the next pieces, if it is being fed.
    func feed(_ id: ViewerID, _ sockets: Connections) {
        guard !recoveryMemory.isEmpty, let viewer = viewer(id), let topic = existing(viewer.first.topic) else { return }
        while backlogBytes(of: viewer, sockets) == 0,
            let piece = topic.recovering?.nextPiece(for: id, bytes: settings.pieceBytes, now: sockets.now)
        {
            var frames = piece.frames
            if let end = piece.end {
                frames += topic.states(since: end.since)
                if let history = topic.recovering?.end(id, end.outcome, at: topic.ring.nextSequence) {
                    recoveryMemory.release(history, by: id)
                }
                if end.outcome == .joins { join(id, topic) }
                if end.outcome == .waits { timeAhead(topic, at: sockets.now + RecoveringViewers.aheadMax, sockets) }
                topic.endRecoveryIfEmpty()
            }
            if !frames.isEmpty, !write(frames, of: topic, to: id, viewer, sockets) { return }
        }
    }

    /// The viewer that waits for this recovery's history.
    func endRecovery(_ recovery: RecoveryID) -> ViewerID? {
        guard let id = viewersByRecovery.removeValue(forKey: recovery) else { return nil }
        recoveriesByViewer[id] = nil
        return id
    }

    /// Viewers that were ahead of the stream and do not have this frame join before it.
    func joinReached(by frame: Frame, _ recovering: RecoveringViewers, _ topic: Topic) {
        for reached in recovering.takeReached(by: frame) {
            join(reached.viewer, topic)
            if !topic.states(since: reached.since).isEmpty { owedStates.append((reached.viewer, topic.id)) }
        }
        topic.endRecoveryIfEmpty()
    }

    private func timeAhead(_ topic: Topic, at time: UInt64, _ sockets: Connections) {
        guard let recovering = topic.recovering, !recovering.isTimed else { return }
        recovering.isTimed = true
        sockets.schedule(TimerToken(kind: LoopTimer.ahead.rawValue, value: UInt64(topic.id)), at: time)
    }

    /// Disconnects whoever has been ahead of the stream for too long.
    func endLongAhead(in topicID: TopicID, _ sockets: Connections) {
        guard let topic = existing(topicID), let recovering = topic.recovering else { return }
        recovering.isTimed = false
        if let next = recovering.endLongAhead(now: sockets.now) { timeAhead(topic, at: next, sockets) }
        disconnectLost(of: topicID, sockets)
    }

    func sendOwedStates(_ sockets: Connections) {
        for owed in owedStates {
            guard let topic = existing(owed.topic), !topic.latestStates.isEmpty,
                let viewer = viewer(owed.viewer), viewer.first.topic == owed.topic
            else { continue }
            write(topic.latestStates, of: topic, to: owed.viewer, viewer, sockets)
        }
        owedStates = []
    }

    // MARK: Limits

    /// Whether a viewer is being fed and its socket has taken nothing for the time between two heartbeats.
    func isStuck(_ id: ViewerID, now: UInt64) -> Bool {
        guard !recoveryMemory.isEmpty, let topic = viewer(id)?.first.topic,
            let fedAt = existing(topic)?.recovering?.fedAt(id)
        else { return false }
        return now >= fedAt + settings.heartbeatNanoseconds
    }

    /// Viewers that have to reconnect: their place in the stream is unknown, or too much would have to be retained for
    /// them. To be asked again until nobody is left.
    func lostViewers(of topicID: TopicID) -> [ViewerID] {
        guard let recovering = existing(topicID)?.recovering else { return [] }
        return recovering.lost.isEmpty ? recovering.late(retaining: settings.retainedBytesMax) : recovering.lost
    }

    func disconnectLost(of topicID: TopicID, _ sockets: Connections) {
        while case let lost = lostViewers(of: topicID), !lost.isEmpty {
            for id in lost { disconnect(id, reason: .recoveryFailed, sockets) }
        }
    }
}
