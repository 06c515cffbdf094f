internal import Broker
internal import Wire

/// Viewers of one channel and epoch who come back together: equal questions to the history are asked once. Pure.
///
/// Sound for all of them: each was attached before the first question is asked, so frames are kept for it.
struct ResumeGroup {
    /// What one viewer gets.
    struct Release {
        let loop: Int
        let command: LoopCommand
    }

    let channel: Channel
    /// Those who wait, the one that is furthest ahead first.
    private var waiting: [Resumption]
    private var catchUp: CatchUp

    /// Nobody may be missing: a group has at least one member.
    private init(_ first: Resumption, _ others: [Resumption]) {
        channel = first.channel
        waiting = ([first] + others).sorted { $0.position.offset > $1.position.offset }
        let next = waiting.last ?? first
        catchUp = CatchUp(from: next.position, joinedAt: next.joinedAt)
    }

    /// Sorts a batch into groups, in the order of their first members.
    static func groups(_ batch: [Resumption]) -> [ResumeGroup] {
        struct Key: Hashable {
            let channel: Channel
            let epoch: String
        }
        var order: [Key] = []
        var members: [Key: [Resumption]] = [:]
        for resumption in batch {
            let key = Key(channel: resumption.channel, epoch: resumption.position.epoch)
            if members[key] == nil { order.append(key) }
            members[key, default: []].append(resumption)
        }
        return order.compactMap { key in
            members[key].flatMap { list in list.first.map { ResumeGroup($0, Array(list.dropFirst())) } }
        }
    }

    /// The history is needed after this position; `nil`: everybody was served.
    var question: Position? { waiting.isEmpty ? nil : catchUp.position }

    /// Those who have not been served, for when the history cannot be read.
    var unserved: [Release] { waiting.map { Release(loop: $0.loop, command: .abandon($0.id)) } }

    /// The answer to ``question``. Whoever is served by it comes back.
    mutating func take(_ page: HistoryPage) -> [Release] {
        let asked = question
        var releases: [Release] = []
        while question == asked, let resumption = waiting.last {
            catchUp.take(page)
            guard catchUp.isFinished else { continue }
            releases.append(
                Release(
                    loop: resumption.loop,
                    command: .release(resumption.id, history: catchUp.frames, rejoin: catchUp.rejoin)))
            waiting.removeLast()
            if let next = waiting.last { catchUp = CatchUp(from: next.position, joinedAt: next.joinedAt) }
        }
        return releases
    }
}
