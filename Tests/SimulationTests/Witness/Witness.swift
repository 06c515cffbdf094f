import Wire

/// Knows what was published, and holds it against what each viewer saw.
///
/// The promise: every acknowledged comment of a viewer's channel after its start is delivered once and in order, or
/// lies in what a gap told it. Two cases are excepted because nobody can know of them: comments of an epoch that was lost
/// before a viewer who came to an empty channel (`0.0`) had heard of it, and comments that Redis has lost, when the writer
/// of the next one has no acknowledgement for them or later ones.
final class Witness {
    struct Comment {
        let position: Position
        var isAcknowledged = false
        /// By a moderator, or lost and unknown to the next writer: nobody is owed it any more.
        var isExcused = false
    }

    private let plan: Plan
    /// Of each channel, in the order of publishing.
    private(set) var logs: [[Comment]]
    private var places: [[Position: Int]]
    /// Given out by a master that was none any more: nobody is owed them.
    private var phantoms: [Set<Position>]
    private(set) var violations: [String] = []
    var delivered = 0
    var gaps = 0
    var note: (String) -> Void = { _ in }

    init(plan: Plan) {
        self.plan = plan
        logs = Array(repeating: [], count: plan.channels.count)
        places = Array(repeating: [:], count: plan.channels.count)
        phantoms = Array(repeating: [], count: plan.channels.count)
    }

    var isLossless: Bool { plan.isLossless }
    var isCluster: Bool { plan.masters > 0 }

    func published(_ position: Position, channel: Int) -> Int {
        if places[channel][position] != nil || phantoms[channel].contains(position) {
            complain("\(position) was given out twice")
        }
        logs[channel].append(Comment(position: position))
        places[channel][position] = logs[channel].count - 1
        return logs[channel].count - 1
    }

    /// A master that was none any more gave out a position.
    func phantom(_ position: Position, channel: Int) {
        if places[channel][position] != nil || !phantoms[channel].insert(position).inserted {
            complain("\(position) was given out twice")
        }
    }

    func isPhantom(_ position: Position, channel: Int) -> Bool { phantoms[channel].contains(position) }

    func acknowledged(_ entry: Int, channel: Int) { logs[channel][entry].isAcknowledged = true }

    func removed(_ position: Position, channel: Channel) {
        guard let index = plan.channels.firstIndex(of: channel), let place = places[index][position] else { return }
        logs[index][place].isExcused = true
    }

    /// Somebody writes, knowing what is acknowledged up to `known`, to a Redis whose newest position is `newest`.
    ///
    /// - Parameter isTold: whether viewers are told a gap when the writer knows nothing of the epoch.
    /// - Returns: how many acknowledged comments Redis has lost without this writer's knowledge.
    func excuse(_ newest: Position?, known: Position?, channel: Int, isTold: Bool = false) -> Int {
        guard let newest, !(isTold && known?.epoch != newest.epoch) else { return 0 }
        let known = known?.epoch == newest.epoch ? max(known?.offset ?? 0, newest.offset) : newest.offset
        var count = 0
        for place in logs[channel].indices.reversed() {
            let position = logs[channel][place].position
            guard position.epoch == newest.epoch, position.offset != newest.offset else { break }
            guard position.offset > known, !logs[channel][place].isExcused else { continue }
            logs[channel][place].isExcused = true
            if logs[channel][place].isAcknowledged { count += 1 }
        }
        return count
    }

    func place(of position: Position, channel: Int) -> Int? { places[channel][position] }

    /// The last comment at or before a position; one before the epoch's first when it has none; `nil`: no such epoch.
    func lastPlace(upTo position: Position, channel: Int) -> Int? {
        if let exact = places[channel][position] { return exact }
        let epoch = logs[channel].indices.filter { logs[channel][$0].position.epoch == position.epoch }
        let last = epoch.last { logs[channel][$0].position.offset <= position.offset }
        return last ?? epoch.first.map { $0 - 1 }
    }

    func isOwed(_ place: Int, channel: Int) -> Bool {
        logs[channel][place].isAcknowledged && !logs[channel][place].isExcused
    }

    func isAcknowledged(_ position: Position, channel: Int) -> Bool {
        places[channel][position].map { logs[channel][$0].isAcknowledged } ?? false
    }

    func complain(_ text: String) {
        note("VIOLATION: \(text)")
        violations.append(text)
    }

    /// Everybody had time enough: whoever is not whole now never will be.
    func settled(_ viewers: [SimulatedViewer], hasLostData: Bool) {
        for viewer in viewers {
            guard viewer.isConnected else {
                complain("\(viewer) is not connected after everything has settled")
                continue
            }
            viewer.testimony.settled(hasLostData: hasLostData)
        }
    }
}
