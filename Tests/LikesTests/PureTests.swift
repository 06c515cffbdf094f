import Placement
import Primitives
import Storage
import Testing

@testable import Likes

/// `#expect` cannot call what changes its subject.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: sourceLocation)
}

@Suite struct PartitionBatchTests {
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
        let batch = PartitionBatch(intents)
        let answers = batch.groups.map { group in
            let was = (group.likes + group.unlikes).map { sets[group.photo]?.contains($0) ?? false }
            return PartitionBatch.Answer.known(wasMember: was, state: PartitionState(size: 1, version: 1))
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
        let batch = PartitionBatch([
            LikeIntent(photo: "a", user: "u", liked: true), LikeIntent(photo: "b", user: "u", liked: true),
            LikeIntent(photo: "a", user: "v", liked: false),
        ])
        let answers: [PartitionBatch.Answer] = [
            .unknown, .known(wasMember: [false], state: PartitionState(size: 1, version: 7)),
        ]
        #expect(batch.outcomes(answers).map { $0?.changed } == [nil, true, nil])
        #expect(batch.intents(ofGroup: 0) == [0, 2])
        #expect(batch.changes(answers, first: 5, at: 1).map(\.photo) == ["b"])
    }
}

@Suite struct ParkedIntentsTests {
    private func pending(_ photo: String, _ number: Int, liked: Bool = true) -> ParkedIntents.Pending {
        .init(intent: LikeIntent(photo: photo, user: "\(number)", liked: liked), waiter: { _ in })
    }

    private func numbers(_ items: [ParkedIntents.Item]) -> [Int] {
        items.map { if case .intent(let pending) = $0 { Int(pending.intent.user) ?? -1 } else { -1 } }
    }

    @Test func aLoadKeepsTheOrder() {
        var parked = ParkedIntents()
        let sent = parked.admit([.intent(pending("a", 1)), .intent(pending("a", 2))]).ready
        #expect(sent.map(\.intent.user) == ["1", "2"])
        parked.park(sent, photo: "a")
        let other = parked.admit([.intent(pending("b", 3)), .intent(pending("a", 4))])
        #expect(other.ready.map(\.intent.user) == ["3"])
        #expect(parked.count == 3)
        // The end of the load stands in front of what came since: all of that goes back behind what was parked.
        let after = parked.admit([
            .loaded(photo: "a", .success(.loaded)), .intent(pending("a", 5)), .intent(pending("b", 6)),
        ])
        #expect(after.ready.isEmpty)
        #expect(numbers(after.again) == [1, 2, 4, 5, 6])
        #expect(parked.admit(after.again).ready.map(\.intent.user) == ["1", "2", "4", "5", "6"])
        #expect(parked.count == 0)
    }

    /// Only the unlikes that the database was asked about are answered by it, and only those before anything else.
    @Test func unlikesOfWhatNobodyLikesAreAnswered() {
        var parked = ParkedIntents()
        parked.park([pending("a", 1, liked: false), pending("a", 2, liked: false)], photo: "a")
        parked.park([pending("a", 3, liked: false), pending("a", 1), pending("a", 1, liked: false)], photo: "a")
        let after = parked.admit([.loaded(photo: "a", .success(.notLiked(["1", "2"])))])
        #expect(after.unchanged.map(\.intent.user) == ["1", "2"])
        #expect(numbers(after.again) == [3, 1, 1])
        #expect(parked.count == 0)
    }

    @Test func whatCannotBeLoadedIsRefusedAndTheRestGoesOn() {
        var parked = ParkedIntents()
        parked.park([pending("a", 1)], photo: "a")
        parked.park([pending("b", 2)], photo: "b")
        let error = LikeError(.databaseUnavailable, "away")
        let after = parked.admit([
            .loaded(photo: "a", .failure(error)), .intent(pending("a", 3)), .intent(pending("b", 4)),
        ])
        #expect(after.failed.map(\.pending.intent.user) == ["1"])
        #expect(after.ready.map(\.intent.user) == ["3"])
        #expect(parked.count == 2)
        #expect(parked.removeAll().map(\.intent.user) == ["2", "4"])
        #expect(parked.count == 0)
    }
}

@Suite struct CountBoardTests {
    @Test func aPartOnlyMovesForward() {
        var board = CountBoard(partitions: 2, limit: 10, ageMax: 100)
        check(board.total(of: "a", now: 0) == nil)
        board.note(PartitionState(size: 5, version: 50), of: "a", partition: 0, identity: "x", at: 0)
        check(board.total(of: "a", now: 0) == nil)
        _ = board.read(
            [PartitionState(size: 4, version: 40), PartitionState(size: 1, version: 3)], identities: ["x", "x"],
            of: "a", at: 0)
        check(board.total(of: "a", now: 100) == PhotoTotal(count: 6, version: 53))
        check(board.total(of: "a", now: 101) == nil)
        board.note(PartitionState(size: 2, version: 4), of: "a", partition: 1, identity: "x", at: 0)
        check(board.total(of: "a", now: 50) == PhotoTotal(count: 7, version: 54))
    }

    /// Redis has lost its data and begins again: what is seen last is right, and a read that was sent before an answer
    /// came says nothing of it.
    @Test func otherDataReplacesWhatWasKnown() {
        var board = CountBoard(partitions: 2, limit: 10, ageMax: 100)
        let full = [PartitionState(size: 9, version: 90), PartitionState(size: 8, version: 80)]
        check(board.read(full, identities: ["x", "x"], of: "a", at: 0).count == 17)
        check(board.read([nil, nil], identities: ["y", "y"], of: "a", at: 10).count == 0)
        board.note(PartitionState(size: 1, version: 5), of: "a", partition: 0, identity: "z", at: 30)
        check(board.read([nil, nil], identities: ["y", "y"], of: "a", at: 20).count == 1)
        check(board.read([nil, nil], identities: ["z", "z"], of: "a", at: 40).count == 1)
    }

    @Test func isBounded() {
        var board = CountBoard(partitions: 1, limit: 10, ageMax: 100)
        for photo in 0..<1_000 {
            board.note(PartitionState(size: 1, version: 1), of: "p\(photo)", partition: 0, identity: "x", at: 0)
        }
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
        [("f", "2"), ("n", "1"), ("v", "1"), ("t", "1"), ("c", "=p\n+\nu")],
    ])
    func refusesEverythingElse(_ fields: [(String, String)]) {
        let read = entry(fields)
        #expect(read.changes.isEmpty)
        if case .success = read.content { Issue.record("it was read") }
    }

    @Test func oneChangeIsAnEntryToo() {
        let change = LikeChange(photo: "p:1", user: "u", liked: false, version: 7, at: 5)
        #expect(ChangeEntry(StreamEntry(id: "1-0", fields: ChangeEntry.fields(change))).changes == [change])
    }

    @Test func statesAreReadStrictly() {
        #expect(PartitionState(bytes: Array("12:345".utf8)) == PartitionState(size: 12, version: 345))
        #expect(
            PartitionState(bytes: Array("12:345c".utf8)) == PartitionState(size: 12, version: 345, isSizeOnly: true))
        #expect(
            PartitionState(bytes: Array("1:2c:3".utf8), generation: 3)
                == PartitionState(size: 1, version: 2, isSizeOnly: true))
        // Those of other generations are as if they were not there.
        for text in ["", "12", "12:", ":3", "-1:3", "1:2:3", "1:2x", "c", "1:2:", "1:2:0:0"] {
            #expect(PartitionState(bytes: Array(text.utf8)) == nil)
        }
        for text in ["1:2", "1:2:4", "1:2:3c"] {
            #expect(PartitionState(bytes: Array(text.utf8), generation: 3) == nil)
        }
    }
}

@Suite struct DatabaseCountsTests {
    @Test func remembersAlsoThatTheDatabaseKnowsNothing() {
        var counts = DatabaseCounts(limit: 10, ageMax: 100)
        #expect(counts.count(of: "a", generation: "x", now: 0) == .none)
        counts.note(7, of: "a", generation: "x", at: 0)
        counts.note(nil, of: "b", generation: "x", at: 0)
        counts.note(1, of: "c", generation: nil, at: 0)
        #expect(counts.count(of: "a", generation: "x", now: 100) == .some(7))
        #expect(counts.count(of: "b", generation: "x", now: 100) == .some(nil))
        #expect(counts.count(of: "a", generation: "x", now: 101) == .none)
    }

    @Test func believesNothingOfAnotherGeneration() {
        var counts = DatabaseCounts(limit: 10, ageMax: 100)
        counts.note(7, of: "a", generation: "x", at: 0)
        #expect(counts.count(of: "a", generation: "y", now: 0) == .none)
        #expect(counts.count(of: "a", generation: nil, now: 0) == .none)
        counts.note(7, of: "b", generation: nil, at: 0)
        #expect(counts.count(of: "b", generation: nil, now: 0) == .none)
    }

    @Test func isBounded() {
        var counts = DatabaseCounts(limit: 10, ageMax: 100)
        for photo in 0..<1_000 { counts.note(1, of: "p\(photo)", generation: "x", at: 0) }
        #expect(counts.count <= 10)
    }
}

@Suite struct AsyncSemaphoreTests {
    private final class Calls: Sendable {
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

    @Test func fewAreUnderWayAndAllHaveTheirTurn() async {
        let semaphore = AsyncSemaphore(limit: 3)
        let calls = Calls()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    for _ in 0..<20 {
                        await semaphore.wait()
                        calls.begin()
                        await Task.yield()
                        calls.end()
                        semaphore.signal()
                    }
                }
            }
        }
        #expect(calls.counts.withLock { $0.all } == 1_000)
        #expect(calls.counts.withLock { $0.most } == 3)
        #expect(PartitionWriter.callsMax(partitions: 1) == 4 && PartitionWriter.callsMax(partitions: 64) == 16)
    }
}
