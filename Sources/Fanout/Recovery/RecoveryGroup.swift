internal import Broker
internal import Wire

/// Names a viewer that waits for its history, before the loop has given it a number.
typealias RecoveryID = UInt64

/// A viewer whose history is to be read.
struct Recovery: Equatable, Sendable {
    let id: RecoveryID
    let channel: Channel
    let loop: Int
    /// Where the viewer says it was.
    let position: Position
    /// Where the channel's stream was when the viewer was attached: frames are retained for it from there on.
    let attachedAt: Position
}

/// Viewers of one channel who recover together: one scan of the history serves them all, from the oldest position on; a
/// second one, from the beginning, those whose position is of a lost epoch. Pure.
///
/// Every member was attached before the first page is read, so that frames are retained for it.
struct RecoveryGroup: Equatable, Sendable {
    /// A command for a member's loop.
    struct Reply {
        let loop: Int
        let command: LoopCommand
    }

    let channel: Channel
    let count: Int
    private var waiting: [Recovery]
    private var scan: HistoryScan
    private var number: UInt64

    /// - Parameter number: of the scan; the next number has to be unused too.
    init(_ channel: Channel, _ members: [Recovery], number: UInt64) {
        self.channel = channel
        self.number = number
        count = members.count
        waiting = members
        scan = HistoryScan(after: members.lazy.map(\.position.offset).min() ?? 0)
    }

    /// The history is needed after this offset; `nil`: everybody was served.
    var offset: UInt64? { waiting.isEmpty ? nil : scan.reached }

    /// For those who have not been served, when the history cannot be read.
    var failures: [Reply] { waiting.map { Reply(loop: $0.loop, command: .failRecovery($0.id)) } }

    /// A page of the history after ``offset``, and whoever is served by it.
    mutating func received(_ page: HistoryPage) -> [Reply] {
        scan.append(page)
        guard scan.isFinished else { return [] }
        let history = SharedHistory(number: number, bytes: scan.bytes)
        var left: [Recovery] = []
        var replies: [Reply] = []
        for member in waiting {
            guard let (frames, reached) = scan.missed(after: member.position, attachedAt: member.attachedAt, history)
            else {
                left.append(member)
                continue
            }
            let cursor = RecoveryCursor(reached: reached, attachedAt: member.attachedAt)
            replies.append(Reply(loop: member.loop, command: .recover(member.id, frames, cursor)))
        }
        waiting = left
        number += 1
        scan = HistoryScan(after: 0)
        return replies
    }
}

/// Recovering viewers by channel. The history of a channel is read by one group at a time; whoever comes meanwhile makes
/// the next group, so that ten thousand viewers of one channel cost a few scans and not ten thousand. Pure.
struct RecoveryQueue {
    /// Those who wait for a scan of their channel to end; no entry: none is under way.
    private var waiting: [Channel: [Recovery]] = [:]
    private var scans: UInt64 = 0

    /// Viewers that wait for the next scan.
    var count: Int { waiting.values.reduce(0) { $0 + $1.count } }

    /// The group to be served now, if any.
    mutating func add(_ recovery: Recovery) -> RecoveryGroup? {
        guard waiting[recovery.channel] == nil else {
            waiting[recovery.channel]?.append(recovery)
            return nil
        }
        return begin(recovery.channel, [recovery])
    }

    /// A group was served, or given up. Returns the next one of its channel.
    mutating func finished(_ channel: Channel) -> RecoveryGroup? {
        guard let members = waiting.removeValue(forKey: channel), !members.isEmpty else { return nil }
        return begin(channel, members)
    }

    private mutating func begin(_ channel: Channel, _ members: [Recovery]) -> RecoveryGroup {
        waiting[channel] = []
        scans += 2
        return RecoveryGroup(channel, members, number: scans)
    }
}
