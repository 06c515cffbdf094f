internal import Broker

/// A channel on one loop: who watches it here, what waits to be written, and who recovers.
final class Topic {
    /// State names of one channel: likes, viewers. More are refused, since each is kept.
    static let stateNamesMax = 8

    let id: TopicID
    /// What stands behind every event for sessions of Socket.IO; empty while none of them is here.
    var tail = ChannelTail()
    /// Those who get what comes, and what they do not have yet.
    var ring = BroadcastRing()
    /// Those who are not in the ring yet; nearly no topic has any.
    private(set) var recovering: RecoveringViewers?
    /// The newest state of each name, for whoever joins.
    private(set) var latestStates: [Frame] = []
    /// The number of the next frame when the last state came.
    private var statesSequence: UInt64 = 0
    /// It is in the loop's queue.
    var isQueued = false
    /// A timer will put it into the queue.
    var isResting = false
    var roundStartedAt: UInt64 = 0
    /// Of the oldest comment that waits for the next round, and of the oldest one in this round.
    private(set) var waitingTimes: MessageTimes?
    var roundTimes: MessageTimes?

    init(id: TopicID) { self.id = id }

    var isAbandoned: Bool { ring.members.isEmpty && recovering == nil }

    func addRecovering(_ viewer: ViewerID) {
        let recovering = recovering ?? RecoveringViewers()
        self.recovering = recovering
        recovering.add(viewer, from: ring.nextSequence)
    }

    func endRecoveryIfEmpty() {
        if recovering?.isEmpty == true { recovering = nil }
    }

    /// `false` when a state was refused, or took the place of an older one that some viewers did not get.
    func append(_ frame: Frame) -> Bool {
        if waitingTimes == nil { waitingTimes = frame.times }
        if frame.kind == .state {
            guard keep(frame) else { return false }
        } else {
            recovering?.retain(frame, ring.nextSequence)
        }
        return !ring.append(frame)
    }

    func startRound(at now: UInt64) {
        ring.startRound()
        roundStartedAt = now
        (roundTimes, waitingTimes) = (waitingTimes, nil)
    }

    /// A state for those who join later; nothing is written.
    func seed(_ frame: Frame) {
        guard latestStates.count < Topic.stateNamesMax else { return }
        if !latestStates.contains(where: { $0.stateKey == frame.stateKey }) { latestStates.append(frame) }
    }

    private func keep(_ frame: Frame) -> Bool {
        let key = frame.stateKey
        statesSequence = ring.nextSequence + 1
        if let known = latestStates.firstIndex(where: { $0.stateKey == key }) {
            latestStates[known] = frame
            return true
        }
        guard latestStates.count < Topic.stateNamesMax else { return false }
        latestStates.append(frame)
        return true
    }

    /// The states that somebody missed who got none since the frame of this number.
    func states(since sequence: UInt64) -> [Frame] { statesSequence > sequence ? latestStates : [] }
}
