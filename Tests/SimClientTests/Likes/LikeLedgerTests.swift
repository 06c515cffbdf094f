import Audience
import Placement
import Testing

@testable import SimClient

struct LikeLedgerTests {
    private func makeLedger(unlike: Double = 0, twice: Double = 0, photos: Int = 1, limit: Int = 100) -> LikeLedger {
        LikeLedger(
            journeys: LikeJourneys(seed: 1, unlikeShare: unlike, duplicateShare: twice),
            choice: PhotoChoice(photos: photos, hotShare: 0.5, seed: 1), limit: limit)
    }

    @Test func aLikeIsTrueWhenItIsAcknowledged() throws {
        var ledger = makeLedger()
        ledger.arrive(now: 1)
        let first = ledger.next(now: 1)
        let request = try #require(first)
        let another = ledger.next(now: 1)
        #expect(request.liked && request.user == 0 && another == nil)
        #expect(ledger.truth()[0].likes == 0 && ledger.truth()[0].unfinished == UserBits([0]))
        ledger.acknowledged(request, now: 2)
        #expect(ledger.truth()[0].likers == UserBits([0]) && ledger.underWay == 0)
        ledger.arrive(now: 3)
        let later = ledger.next(now: 3)
        #expect(later?.user == 1)
    }

    @Test func theNextStepWaitsForAllCopiesOfTheLast() throws {
        var ledger = makeLedger(unlike: 1, twice: 1)
        ledger.arrive(now: 0)
        let copies = (ledger.next(now: 0), ledger.next(now: 0))
        let (first, second) = (try #require(copies.0), try #require(copies.1))
        #expect(first.liked && second.liked && second.isDuplicate)
        ledger.acknowledged(first, now: 1)
        let tooEarly = ledger.next(now: 1)
        ledger.acknowledged(second, now: 2)
        let inTime = ledger.next(now: 2)
        #expect(tooEarly == nil && inTime?.liked == false)
        #expect(ledger.tally.duplicates == 1)
    }

    /// The answer that never came may belong to a request that is still on its way: nothing else may follow it.
    @Test func whatFailedIsSaidAgainAndNothingElseFollows() throws {
        var ledger = makeLedger(unlike: 1)
        ledger.arrive(now: 0)
        let first = ledger.next(now: 0)
        let request = try #require(first)
        ledger.failed(request, wasAnswered: false, again: 100)
        let tooEarly = ledger.next(now: 99)
        let again = ledger.next(now: 100)
        #expect(tooEarly == nil && again == request)
        ledger.acknowledged(request, now: 101)
        let afterwards = ledger.next(now: 200)
        #expect(afterwards == nil && ledger.underWay == 0)
        #expect(ledger.truth()[0].likers == UserBits([0]))
        #expect(ledger.tally.unanswered == 1 && ledger.tally.sent == 2)
    }

    @Test func isBounded() {
        var ledger = makeLedger(limit: 2)
        let taken = [ledger.arrive(now: 0), ledger.arrive(now: 0), ledger.arrive(now: 0)]
        #expect(taken == [true, true, false])
        #expect(ledger.tally.offered == 3 && ledger.tally.dropped == 1 && ledger.usersStarted == 2)
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
        #expect(ledger.underWay == 0)
        #expect(ledger.truth().map(\.likers) == server)
    }
}
