public import Wire

extension DeliveryAudit {
    /// Counts so far; what is missing now counts as lost, although it may still come.
    public var counted: DeliveryCounts {
        var counted = counts
        counted.lost = lostForGood + missing.offsets
        counted.missingNotRemembered = missing.refused + departures.refused
        return counted
    }

    /// Joined viewers that have not reached the last acknowledged position of their channel.
    ///
    /// - Parameter acknowledged: of each channel that was written to, the last acknowledged position of each epoch, in the
    ///   order of the epochs.
    public mutating func viewersShort(of acknowledged: [Int: [Position]]) -> Int {
        let goals = goals(acknowledged)
        return viewers.indices.reduce(0) { $0 + (owed(viewer: $1, goals: goals) > 0 ? 1 : 0) }
    }

    /// The end: what never came is lost. Events that come later are still counted; then ask again.
    ///
    /// What was acknowledged of an epoch that is over, and that a viewer did not get, is told missing if the gap that
    /// led it out of the epoch covers it. Not covered: an epoch that a viewer never saw anything of.
    ///
    /// - Parameter written: each channel that was written to, as its writers know it.
    public mutating func verdict(written: [Int: ChannelComments]) -> DeliveryCounts {
        let goals = goals(written.mapValues(\.ends))
        var verdict = counted
        for viewer in viewers.indices {
            let owed = owed(viewer: viewer, goals: goals)
            verdict.lost += owed
            verdict.unreached += owed
            if owed > 0 { verdict.viewersShort += 1 }
        }
        for departure in departures.all {
            let channel = Int(viewers[departure.viewer].channel)
            guard let goal = goals[channel]?.first(where: { $0.epoch == departure.epoch }) else { continue }
            let missing = events(after: departure.last, through: goal.offset)
            let silent = departure.toldFrom.map { events(after: departure.last, through: min($0 - 1, goal.offset)) }
            verdict.lost += silent ?? missing
            verdict.toldMissing += missing - (silent ?? missing)
        }
        verdict.expected = expected(written)
        return verdict
    }

    /// Σ over the acknowledged comments of the viewers that had joined in front of them.
    private mutating func expected(_ written: [Int: ChannelComments]) -> Int {
        var expected = 0
        for (join, viewers) in joins {
            for epoch in written[join.channel]?.epochs ?? [] {
                let index = self.epoch(epoch.name, channel: join.channel).index
                guard index >= join.epoch else { continue }
                let owed = index > join.epoch ? epoch.comments.count : epoch.comments.count { $0.offset > join.offset }
                expected += owed * viewers
            }
        }
        return expected
    }

    private struct Goal {
        var offset: UInt64
        var epoch: UInt16
    }

    private mutating func goals(_ acknowledged: [Int: [Position]]) -> [Int: [Goal]] {
        var goals: [Int: [Goal]] = [:]
        for (channel, positions) in acknowledged {
            goals[channel] = positions.map {
                Goal(
                    offset: min($0.offset, DeliveryAudit.offsetMax), epoch: epoch($0.epoch, channel: channel).index)
            }
        }
        return goals
    }

    /// Offsets between the viewer's last one and the last goal of its channel.
    private func owed(viewer: Int, goals: [Int: [Goal]]) -> Int {
        let state = viewers[viewer]
        guard state.flags.contains(.joined), let goals = goals[Int(state.channel)], let newest = goals.last else {
            return 0
        }
        let own = goals.first { $0.epoch == state.epoch }.map { events(after: state.last, through: $0.offset) } ?? 0
        return state.epoch < newest.epoch ? own + events(after: 0, through: newest.offset) : own
    }
}
