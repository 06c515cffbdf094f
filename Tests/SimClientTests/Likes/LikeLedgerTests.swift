import Audience
import Placement
import Testing

@testable import SimClient

/// `#expect` cannot call what changes its subject.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: sourceLocation)
}

struct LikeLedgerTests {
    private func makeLedger(unlike: Double = 0, twice: Double = 0, photos: Int = 1, limit: Int = 100) -> LikeLedger {
        LikeLedger(
            journeys: LikeJourneys(seed: 1, unlikeShare: unlike, duplicateShare: twice),
            choice: PhotoChoice(photos: photos, hotShare: 0.5, seed: 1), limit: limit)
    }

    @Test func aLikeIsTrueWhenItIsAcknowledged() throws {
        var ledger = makeLedger()
        ledger.arrive(now: 1)
        let next = ledger.next(now: 1)
        let request = try #require(next)
        check(request.liked && request.user == 0 && ledger.next(now: 1) == nil)
        check(ledger.truth()[0].likes == 0 && ledger.truth()[0].unfinished == UserBits([0]))
        ledger.acknowledged(request, now: 2)
        check(ledger.truth()[0].likers == UserBits([0]) && ledger.underWay == 0)
        ledger.arrive(now: 3)
        check(ledger.next(now: 3)?.user == 1)
    }

    @Test func theNextStepWaitsForAllCopiesOfTheLast() throws {
        var ledger = makeLedger(unlike: 1, twice: 1)
        ledger.arrive(now: 0)
        let (one, two) = (ledger.next(now: 0), ledger.next(now: 0))
        let (first, second) = (try #require(one), try #require(two))
        check(first.liked && second.liked && second.isDuplicate)
        ledger.acknowledged(first, now: 1)
        check(ledger.next(now: 1) == nil)
        ledger.acknowledged(second, now: 2)
        check(ledger.next(now: 2)?.liked == false)
        check(ledger.tally.duplicates == 1)
    }

    /// The answer that never came may belong to a request that is still on its way: nothing else may follow it.
    @Test func whatFailedIsSaidAgainAndNothingElseFollows() throws {
        var ledger = makeLedger(unlike: 1)
        ledger.arrive(now: 0)
        let next = ledger.next(now: 0)
        let request = try #require(next)
        ledger.failed(request, wasAnswered: false, again: 100)
        check(ledger.next(now: 99) == nil)
        check(ledger.next(now: 100) == request)
        ledger.acknowledged(request, now: 101)
        check(ledger.next(now: 200) == nil && ledger.underWay == 0)
        check(ledger.truth()[0].likers == UserBits([0]))
        check(ledger.tally.unanswered == 1 && ledger.tally.sent == 2)
    }

    @Test func isBounded() {
        var ledger = makeLedger(limit: 2)
        check(ledger.arrive(now: 0) && ledger.arrive(now: 0) && !ledger.arrive(now: 0))
        check(ledger.tally.offered == 3 && ledger.tally.dropped == 1 && ledger.usersStarted == 2)
    }

    /// Whatever order answers come in, and however many fail: in the end the truth is what was acknowledged last.
    @Test(arguments: 0..<20 as Range<UInt64>) func agreesWithAServerThatDoesAsItIsTold(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var ledger = makeLedger(unlike: 0.6, twice: 0.4, photos: 3)
        var server = Array(repeating: UserBits(), count: 3)
        var liked: [[Int: Bool]] = [[:], [:], [:]]
        var open: [LikeLedger.Request] = []
        for now in 0..<4_000 as Range<UInt64> {
            if now < 1_000 { ledger.arrive(now: now) }
            if let request = ledger.next(now: now) { open.append(request) }
            guard !open.isEmpty, random.next() % 3 > 0 else { continue }
            let request = open.remove(at: Int(random.next() % UInt64(open.count)))
            let fails = random.next() % 10 == 0
            // A request without an answer may have been done all the same.
            if !fails || random.next() % 2 == 0 { liked[request.photo][request.user] = request.liked }
            if fails {
                ledger.failed(request, wasAnswered: false, again: now + 5)
            } else {
                ledger.acknowledged(request, now: now)
            }
        }
        while let request = ledger.next(now: .max) ?? open.popLast() {
            liked[request.photo][request.user] = request.liked
            ledger.acknowledged(request, now: 5_000)
        }
        for photo in 0..<3 { for (user, isLiked) in liked[photo] where isLiked { server[photo].insert(user) } }
        check(ledger.underWay == 0)
        check(ledger.truth().map(\.likers) == server)
    }
}
