import Placement
import Storage
import Synchronization
import Testing

@testable import Likes

/// `#expect` cannot call what changes its subject.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: sourceLocation)
}

@Suite struct PartBatchTests {
    /// The batch against a plain set, one intent after the other.
    @Test(arguments: 0..<200 as Range<UInt64>) func agreesWithASet(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var sets: [String: Set<String>] = ["a": [], "b": [], "c": []]
        for photo in ["a", "b", "c"] {
            for user in 0..<6 where Bool.random(using: &random) { sets[photo, default: []].insert("u\(user)") }
        }
        let intents = (0..<Int.random(in: 1...40, using: &random)).map { _ in
            LikeIntent(
                photo: ["a", "b", "c"].randomElement(using: &random) ?? "a",
                user: "u\(Int.random(in: 0..<6, using: &random))", liked: Bool.random(using: &random))
        }
        let batch = PartBatch(intents)
        let answers = batch.groups.map { group in
            let was = (group.likes + group.unlikes).map { sets[group.photo]?.contains($0) ?? false }
            return PartBatch.Answer.known(wasMember: was, state: PartState(size: 1, version: 1))
        }
        let changes = batch.changes(answers, first: 100, at: 1)
        let before = sets
        let expected = intents.map { intent -> Bool in
            let was = sets[intent.photo]?.contains(intent.user) ?? false
            if intent.liked {
                sets[intent.photo]?.insert(intent.user)
            } else {
                sets[intent.photo]?.remove(intent.user)
            }
            return was != intent.liked
        }
        #expect(batch.outcomes(answers).map { $0?.changed } == expected)
        var replayed = before
        for change in changes {
            if change.liked {
                let isNew = replayed[change.photo]?.insert(change.user).inserted
                #expect(isNew == true)
            } else {
                let removed = replayed[change.photo]?.remove(change.user)
                #expect(removed != nil)
            }
        }
        #expect(replayed == sets)
        #expect(changes.map(\.version) == (0..<changes.count).map { 100 + Int64($0) })
    }

    @Test func whatMustBeLoadedHasNoOutcome() {
        let batch = PartBatch([
            LikeIntent(photo: "a", user: "u", liked: true), LikeIntent(photo: "b", user: "u", liked: true),
            LikeIntent(photo: "a", user: "v", liked: false),
        ])
        let answers: [PartBatch.Answer] = [
            .unknown(""), .known(wasMember: [false], state: PartState(size: 1, version: 7)),
        ]
        #expect(batch.outcomes(answers).map { $0?.changed } == [nil, true, nil])
        #expect(batch.intents(ofGroup: 0) == [0, 2])
        #expect(batch.changes(answers, first: 5, at: 1).map(\.photo) == ["b"])
    }
}

@Suite struct PartQueueTests {
    private func item(_ photo: String, _ number: Int) -> PartQueue<Int>.Item {
        .init(intent: LikeIntent(photo: photo, user: "u", liked: true), waiter: number)
    }

    @Test func aLoadKeepsTheOrder() {
        var queue = PartQueue<Int>(limit: 10)
        for number in 1...2 { check(queue.append(item("a", number))) }
        let sent = queue.take(1)
        check(queue.append(item("b", 3)))
        check(queue.append(item("a", 4)))
        queue.park(sent, photo: "a")
        check(queue.append(item("a", 5)))
        check(queue.take(10).map(\.waiter) == [3])
        queue.release(photo: "a")
        check(queue.take(10).map(\.waiter) == [1, 2, 4, 5])
        #expect(queue.count == 0)
    }

    @Test func isBoundedAlsoWhileSomethingIsLoaded() {
        var queue = PartQueue<Int>(limit: 3)
        for number in 1...3 { check(queue.append(item("a", number))) }
        check(!queue.append(item("a", 4)))
        queue.park(queue.take(3), photo: "a")
        check(!queue.append(item("b", 5)))
        check(queue.abandon(photo: "a").map(\.waiter) == [1, 2, 3])
        check(queue.append(item("a", 6)))
        check(queue.close().map(\.waiter) == [6])
        check(!queue.append(item("a", 7)))
    }
}

@Suite struct CountBoardTests {
    @Test func aPartOnlyMovesForward() {
        var board = CountBoard(parts: 2, limit: 10, ageMax: 100)
        check(board.total(of: "a", now: 0) == nil)
        board.note(PartState(size: 5, version: 50), of: "a", part: 0)
        check(board.total(of: "a", now: 0) == nil)
        _ = board.read([PartState(size: 4, version: 40), PartState(size: 1, version: 3)], of: "a", at: 0)
        check(board.total(of: "a", now: 100) == PhotoTotal(count: 6, version: 53))
        check(board.total(of: "a", now: 101) == nil)
        board.note(PartState(size: 2, version: 4), of: "a", part: 1)
        check(board.total(of: "a", now: 50) == PhotoTotal(count: 7, version: 54))
    }

    @Test func isBounded() {
        var board = CountBoard(parts: 1, limit: 10, ageMax: 100)
        for photo in 0..<1_000 { board.note(PartState(size: 1, version: 1), of: "p\(photo)", part: 0) }
        #expect(board.count <= 10)
    }
}

@Suite struct AnnouncementScheduleTests {
    @Test func atMostOneAnIntervalAndTheLastOneAlways() {
        var schedule = AnnouncementSchedule(interval: 100, limit: 10)
        var times: [UInt64] = []
        var version: Int64 = 0
        for now in 0..<1_000 as Range<UInt64> {
            if now < 550 {
                version += 1
                check(schedule.changed("a"))
            }
            for photo in schedule.due(now: now, limit: 10) where schedule.announces(photo, version: version, now: now) {
                times.append(now)
            }
        }
        #expect(times == [0, 100, 200, 300, 400, 500, 600])
        #expect(schedule.isIdle)
    }

    @Test func whatWasDeferredComesAgain() {
        var schedule = AnnouncementSchedule(interval: 100, limit: 10)
        check(schedule.changed("a"))
        check(schedule.due(now: 0, limit: 10) == ["a"])
        schedule.deferred("a", now: 0, by: 50)
        check(schedule.due(now: 49, limit: 10) == [])
        check(schedule.due(now: 50, limit: 10) == ["a"])
        check(schedule.announces("a", version: 3, now: 50))
        check(schedule.changed("a"))
        check(schedule.due(now: 150, limit: 10) == ["a"])
        check(!schedule.announces("a", version: 3, now: 150))
    }

    @Test func isBounded() {
        var schedule = AnnouncementSchedule(interval: 100, limit: 2)
        check(schedule.changed("a"))
        check(schedule.changed("b"))
        check(!schedule.changed("c"))
        check(schedule.changed("a"))
    }
}

@Suite struct ChangeEntryTests {
    private func entry(_ fields: [(String, String)]) -> ChangeEntry {
        ChangeEntry(StreamEntry(id: "1700000000000-0", fields: fields.map { .init(name: $0, value: $1) }))
    }

    @Test func readsWhatTheScriptWrites() {
        let read = entry([("n", "3"), ("v", "10"), ("t", "5"), ("c", "=p:1\n+\nu1\n-\n/\nu.2\n=p2\n/\nu1")])
        #expect(read.count == 3)
        // `-` is an id, and stands among those who like it.
        #expect(
            entry([("n", "4"), ("v", "10"), ("t", "5"), ("c", "=p:1\n+\nu1\n-\n/\nu.2\n=p2\n/\nu1")]).changes == [
                LikeChange(photo: "p:1", user: "u1", liked: true, version: 10, at: 5),
                LikeChange(photo: "p:1", user: "-", liked: true, version: 11, at: 5),
                LikeChange(photo: "p:1", user: "u.2", liked: false, version: 12, at: 5),
                LikeChange(photo: "p2", user: "u1", liked: false, version: 13, at: 5),
            ])
        #expect(read.changes.isEmpty)
    }

    @Test(arguments: [
        [("v", "1"), ("t", "1"), ("c", "=p\n+\nu")], [("n", "1"), ("t", "1"), ("c", "=p\n+\nu")],
        [("n", "1"), ("v", "x"), ("t", "1"), ("c", "=p\n+\nu")], [("n", "1"), ("v", "1"), ("t", "1"), ("c", "u")],
        [("n", "1"), ("v", "1"), ("t", "1"), ("c", "=p\nu")], [("n", "1"), ("v", "1"), ("t", "1"), ("c", "=p\n+\nü")],
        [("n", "2"), ("v", "1"), ("t", "1"), ("c", "=p\n+\nu")], [("hello", "world")],
    ])
    func refusesEverythingElse(_ fields: [(String, String)]) {
        let read = entry(fields)
        #expect(read.changes.isEmpty)
        if case .success = read.content { Issue.record("it was read") }
    }

    @Test func statesAreReadStrictly() {
        #expect(PartState(parsing: "12:345") == PartState(size: 12, version: 345))
        #expect(PartState(parsing: "12:345c") == PartState(size: 12, version: 345, isCold: true))
        for text in ["", "12", "12:", ":3", "-1:3", "1:2:3", "1:2x", "c"] { #expect(PartState(parsing: text) == nil) }
    }
}

@Suite struct RecordCountsTests {
    @Test func remembersAlsoThatTheRecordKnowsNothing() {
        var counts = RecordCounts(limit: 10, ageMax: 100)
        #expect(counts.count(of: "a", life: "x", now: 0) == .none)
        counts.note(7, of: "a", life: "x", at: 0)
        counts.note(nil, of: "b", life: "x", at: 0)
        counts.note(1, of: "c", life: nil, at: 0)
        #expect(counts.count(of: "a", life: "x", now: 100) == .some(7))
        #expect(counts.count(of: "b", life: "x", now: 100) == .some(nil))
        #expect(counts.count(of: "a", life: "x", now: 101) == .none)
    }

    @Test func believesNothingOfAnotherLifeOfTheData() {
        var counts = RecordCounts(limit: 10, ageMax: 100)
        counts.note(7, of: "a", life: "x", at: 0)
        #expect(counts.count(of: "a", life: "y", now: 0) == .none)
        #expect(counts.count(of: "a", life: nil, now: 0) == .none)
        counts.note(7, of: "b", life: nil, at: 0)
        #expect(counts.count(of: "b", life: nil, now: 0) == .none)
    }

    @Test func isBounded() {
        var counts = RecordCounts(limit: 10, ageMax: 100)
        for photo in 0..<1_000 { counts.note(1, of: "p\(photo)", life: "x", at: 0) }
        #expect(counts.count <= 10)
    }
}

@Suite struct FlightDeckTests {
    private final class Flights: Sendable {
        let counts = Mutex((now: 0, most: 0, all: 0))

        func begin() {
            counts.withLock { counts in
                counts.now += 1
                counts.all += 1
                counts.most = max(counts.most, counts.now)
            }
        }

        func end() { counts.withLock { $0.now -= 1 } }
    }

    @Test func fewAreUnderWayAndAllComeToTheirTurn() async {
        let deck = FlightDeck(limit: 3)
        let flights = Flights()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    for _ in 0..<20 {
                        await deck.enter()
                        flights.begin()
                        await Task.yield()
                        flights.end()
                        deck.leave()
                    }
                }
            }
        }
        #expect(flights.counts.withLock { $0.all } == 1_000)
        #expect(flights.counts.withLock { $0.most } == 3)
        #expect(FlightDeck.limit(parts: 1) == 4 && FlightDeck.limit(parts: 64) == 16)
    }
}
