public import Wire

extension DeliveryAudit {
    /// Counts so far; what is missing now counts as lost, although it may still come.
    public var counted: DeliveryCounts {
        var counted = counts
        counted.lost = lostForGood + missing.offsets
        counted.missingNotRemembered = missing.refused + departures.refused
        return counted
    }

    /// Where the viewers of each channel have to come to.
    public struct Goals: Sendable {
        fileprivate var channels: [[Goal]]
    }

    fileprivate struct Goal: Sendable {
        var offset: UInt64
        var epoch: UInt16
    }

    /// - Parameter acknowledged: of each channel that was written to, the last acknowledged position of each epoch, in the
    ///   order of the epochs.
    public mutating func goals(_ acknowledged: [Int: [Position]]) -> Goals {
        var goals = Goals(channels: Array(repeating: [], count: epochs.count))
        for (channel, positions) in acknowledged {
            goals.channels[channel] = positions.map { goal($0, channel: channel) }
        }
        return goals
    }

    /// Joined viewers that have not reached the goal of their channel.
    public func viewersShort(of goals: Goals) -> Int {
        viewers.count { state in
            Int(state.channel) < goals.channels.count && owed(state, goals: goals.channels[Int(state.channel)]) > 0
        }
    }

    /// The end: what never came is lost. Events that come later are still counted; then ask again.
    ///
    /// What was acknowledged of an epoch that is over, and that a viewer did not get, is told missing if the gap that
    /// led it out of the epoch covers it. Not covered: an epoch that a viewer never saw anything of.
    ///
    /// - Parameters:
    ///   - written: each channel that was written to, as its writers know it.
    ///   - graceMicroseconds: a viewer that left is owed what was sent so long before.
    public mutating func verdict(written: [Int: ChannelComments], graceMicroseconds: Int64 = 0) -> DeliveryCounts {
        let timelines = timelines(written)
        var verdict = counted
        for (state, join) in zip(viewers, joins) where state.flags.contains(.joined) {
            let timeline = timelines[Int(state.channel)] ?? []
            let owed = owed(state, goals: timeline.map(\.goal))
            verdict.lost += owed
            verdict.unreached += owed
            if owed > 0 { verdict.viewersShort += 1 }
            count(join, timeline, through: { $0.goal.offset }, in: &verdict)
        }
        for (state, join, left) in departed {
            let timeline = timelines[Int(state.channel)] ?? []
            func through(_ epoch: Timeline) -> UInt64 { epoch.offset(sentBy: left - graceMicroseconds) }
            let goals = timeline.map { Goal(offset: through($0), epoch: $0.goal.epoch) }
            verdict.lost += owed(state, goals: goals.filter { $0.offset > 0 })
            count(join, timeline, through: through, in: &verdict)
            if let own = timeline.first(where: { $0.goal.epoch == state.epoch }) {
                let first = max(through(own), join.epoch == state.epoch ? join.offset : 0)
                if state.last > first { verdict.notOwed += own.comments(after: first, through: state.last) }
            }
        }
        for departure in departures.all {
            guard let goal = timelines[departure.channel]?.map(\.goal).first(where: { $0.epoch == departure.epoch })
            else { continue }
            let missing = events(after: departure.last, through: goal.offset)
            let silent = departure.toldFrom.map { events(after: departure.last, through: min($0 - 1, goal.offset)) }
            verdict.lost += silent ?? missing
            verdict.toldMissing += missing - (silent ?? missing)
        }
        return verdict
    }

    /// What the acknowledgements say of one viewer: how many comments it was owed, and whether it was led past some.
    private func count(
        _ join: ViewerJoin, _ timeline: [Timeline], through: (Timeline) -> UInt64, in verdict: inout DeliveryCounts
    ) {
        for epoch in timeline where epoch.goal.epoch >= join.epoch {
            let joined = epoch.goal.epoch == join.epoch ? join.offset : 0
            verdict.expected += epoch.comments(after: joined, through: through(epoch))
            if joined > 0 { verdict.lost += epoch.comments(sentAfter: join.microseconds, atOrBelow: joined) }
        }
    }

    /// The acknowledged comments of one epoch of a channel.
    private struct Timeline {
        let goal: Goal
        /// Ascending.
        private let offsets: [UInt64]
        /// In the order of sending.
        private let times: [Int64]
        /// The highest offset that was sent up to each of them, and the lowest that was sent from there on.
        private let highest: [UInt64]
        private let lowest: [UInt64]
        private let bySending: [ChannelComments.Comment]

        init(_ comments: [ChannelComments.Comment], goal: Goal) {
            self.goal = goal
            offsets = comments.map(\.offset).sorted()
            bySending = comments.sorted { ($0.sent, $0.offset) < ($1.sent, $1.offset) }
            times = bySending.map(\.sent)
            var (high, low) = (UInt64(0), UInt64.max)
            highest = bySending.map { comment in
                high = max(high, comment.offset)
                return high
            }
            lowest = bySending.reversed().map { comment in
                low = min(low, comment.offset)
                return low
            }.reversed()
        }

        func comments(after first: UInt64, through last: UInt64) -> Int {
            max(0, offsets.partition { $0 > last } - offsets.partition { $0 > first })
        }

        /// The highest offset of those sent at `time` or before; 0 when there is none.
        func offset(sentBy time: Int64) -> UInt64 {
            let count = times.partition { $0 > time }
            return count > 0 ? highest[count - 1] : 0
        }

        /// How many were sent after `time` and stand at `offset` or below.
        func comments(sentAfter time: Int64, atOrBelow offset: UInt64) -> Int {
            let first = times.partition { $0 > time }
            guard first < lowest.count, lowest[first] <= offset else { return 0 }
            return bySending[first...].count { $0.offset <= offset }
        }
    }

    private mutating func timelines(_ written: [Int: ChannelComments]) -> [Int: [Timeline]] {
        var timelines: [Int: [Timeline]] = [:]
        for (channel, comments) in written {
            timelines[channel] = comments.epochs.map { epoch in
                let position = Position(offset: epoch.last, epoch: epoch.name)
                return Timeline(epoch.comments, goal: goal(position, channel: channel))
            }
        }
        return timelines
    }

    private mutating func goal(_ position: Position, channel: Int) -> Goal {
        Goal(
            offset: min(position.offset, DeliveryAudit.offsetMax), epoch: epoch(position.epoch, channel: channel).index)
    }

    /// Offsets between the viewer's last one and the last goal of its channel.
    private func owed(_ state: ViewerState, goals: [Goal]) -> Int {
        guard state.flags.contains(.joined), let newest = goals.last else { return 0 }
        let own = goals.first { $0.epoch == state.epoch }.map { events(after: state.last, through: $0.offset) } ?? 0
        return state.epoch < newest.epoch ? own + events(after: 0, through: newest.offset) : own
    }
}

extension Array {
    /// How many stand in front of the first that `isBehind`; they are sorted so that none follows it that is not.
    fileprivate func partition(_ isBehind: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
