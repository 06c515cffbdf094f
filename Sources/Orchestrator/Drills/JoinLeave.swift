import Audience
import Foundation
import Placement
import Primitives
import Testbed
import Wire

/// A Reader comes, another goes, and who moves is counted.
extension Drill {
    static let joinLeave = Drill(
        name: "join-leave", story: "With PLACEMENT=overflow a Reader joins, another drains: only its own viewers move.",
        isDrain: true, movesViewers: true,
        size: { settings in
            settings.viewers = 10_000
            settings.streams = 1_000
            // A comment goes to 290 viewers in the mean: with Zipf 1.0 most of them are written on the hot channels.
            settings.rate = 50
            settings.readers = 6
        },
        arrange: { setup, _ in
            setup.environment["DRAIN_SECONDS"] = "5"
            setup.placement = .overflow
            setup.audience = .zipf(exponent: 1)
            setup.swarm += ["--placement", "follow"]
            // An audience that gathers does not come all at once, and Readers know those who are connected.
            setup.connectsInProgress = 500
            setup.notes.append("PLACEMENT=overflow, an audience of Zipf 1.0; viewers follow redirects.")
        }
    ) { try await $0.joinAndLeave() }
}

extension FaultInjector {
    fileprivate func joinAndLeave() async throws {
        let audience = try audience()
        var tally = MoveTally(audience: audience, witness: ServiceClient(services.readers[1]))
        try await tally.look()
        let before = crowd().connects
        tell(.begin, "a Reader starts")
        let joined = try await services.startReader()
        try await Node.waitUntilReady([joined])
        tell(.step, "\(joined.name) is ready")
        // The others count what comes by their view of a second.
        try await Task.sleep(for: .seconds(2))
        let readers = services.readers.count + 1
        let between = crowd().connects
        let join = try await tally.change(
            "\(joined.name) joins", of: joined.name, readers: readers, moved: between - before, due: 0)
        log { $0.changes.append(join) }
        let due =
            try await statistics().readerApis.readers.first { $0.instanceId == victim.name }?.activeConnections ?? 0
        note("viewers of the Reader that leaves", due, needed: 1...Int.max)
        tell(.step, "SIGTERM to \(victim.name), which has \(due) viewers")
        await victim.stop()
        tell(.end, "\(victim.name) has ended")
        try await waitUntilAllAreBack()
        let leave = try await tally.change(
            "\(victim.name) leaves", of: victim.name, readers: readers, moved: crowd().connects - between, due: due)
        log { $0.changes.append(leave) }
    }

    /// Whether they are whole is judged elsewhere; here it only has to be over.
    private func waitUntilAllAreBack() async throws {
        // Samples come ten times a second.
        try await Task.sleep(for: .seconds(1))
        try await Polling.until(atMost: .seconds(5), every: .milliseconds(100)) { crowd().away == 0 }
    }
}

/// The answers of `/locate`, before and after.
private struct MoveTally {
    /// More videos are sampled.
    static let videosMax = 2_000

    let audience: Audience
    let witness: ServiceClient
    private(set) var places: [String: String] = [:]

    /// - Returns: the places before, and now.
    @discardableResult
    mutating func look() async throws -> (before: [String: String], now: [String: String]) {
        let before = places
        let step = max(1, audience.channels / Self.videosMax)
        for channel in stride(from: 0, to: audience.channels, by: step) {
            let video = audience.videoID(ofChannel: channel)
            let data = try await witness.get("/locate?videoid=\(video)")
            guard let place = try? JSONDecoder().decode(Place.self, from: data) else {
                throw Failure.unavailable("\(witness.node.name): the answer of /locate cannot be read")
            }
            places[video] = place.instance
        }
        return (before, places)
    }

    mutating func change(
        _ name: String, of reader: String, readers: Int, moved: Int, due: Int
    ) async throws -> DrillResult.Change {
        let (before, now) = try await look()
        let others = now.filter { before[$0.key] != $0.value }
        let elsewhere = others.count { $0.value != reader && before[$0.key] != reader }
        return DrillResult.Change(
            name: name, videos: now.count, videosMoved: others.count, videosMovedElsewhere: elsewhere,
            shareExpected: 1 / Double(readers), viewers: audience.total, viewersMoved: moved, viewersDue: due)
    }
}
