public import Wire

extension DeliveryAudit {
    /// Counts so far; what is missing now counts as lost, although it may still come.
    public var counted: DeliveryCounts {
        var counted = counts
        counted.lost = lostForGood + missing.offsets
        counted.missingNotRemembered = missing.refused
        return counted
    }

    /// Joined viewers that have not reached the last acknowledged position of their channel.
    ///
    /// - Parameter acknowledged: last acknowledged position of each channel that was written to, by channel.
    public mutating func viewersShort(of acknowledged: [Int: Position]) -> Int {
        let goals = goals(acknowledged)
        return viewers.indices.reduce(0) { $0 + (owed(viewer: $1, goals: goals) > 0 ? 1 : 0) }
    }

    /// The end: what never came is lost. Events that come later are still counted; then ask again.
    public mutating func verdict(acknowledged: [Int: Position]) -> DeliveryCounts {
        let goals = goals(acknowledged)
        var verdict = counted
        for viewer in viewers.indices {
            let owed = owed(viewer: viewer, goals: goals)
            verdict.lost += owed
            verdict.unreached += owed
            if owed > 0 { verdict.viewersShort += 1 }
        }
        verdict.expected = verdict.delivered + verdict.toldMissing + verdict.lost
        return verdict
    }

    private mutating func goals(_ acknowledged: [Int: Position]) -> [Int: (offset: UInt64, epoch: UInt16)] {
        var goals: [Int: (offset: UInt64, epoch: UInt16)] = [:]
        for (channel, position) in acknowledged {
            goals[channel] = (
                min(position.offset, DeliveryAudit.offsetMax), epoch(position.epoch, channel: channel).index
            )
        }
        return goals
    }

    /// Offsets between the viewer's last one and the goal of its channel.
    private func owed(viewer: Int, goals: [Int: (offset: UInt64, epoch: UInt16)]) -> Int {
        let state = viewers[viewer]
        guard state.flags.contains(.joined), let goal = goals[Int(state.channel)], state.epoch <= goal.epoch else {
            return 0
        }
        let reached = state.epoch == goal.epoch ? state.last : 0
        return events(after: reached, through: goal.offset)
    }
}
