import Audience
import Placement
import Testing

@Suite struct ArrivalsTests {
    @Test func poissonHasItsRateAndItsVariance() {
        var arrivals = Arrivals(.poisson, rate: 1000, seed: 1)
        var counts = [Int](repeating: 0, count: 200)
        var last: UInt64 = 0
        while let time = arrivals.next(), time < 20_000_000_000 {
            #expect(time >= last)
            last = time
            counts[Int(time / 100_000_000)] += 1
        }
        let mean = Double(counts.reduce(0, +)) / 200
        #expect(abs(mean - 100) < 3)
        // Of a Poisson process the counts' variance is their mean; equal intervals would give 0.
        let variance = counts.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 199
        #expect((60.0...150.0).contains(variance))
    }

    @Test func constantIsConstantAndDoesNotDrift() {
        var arrivals = Arrivals(.constant, rate: 3, seed: 1)
        let times = (0..<3_000).compactMap { _ in arrivals.next() }
        #expect(times[0] == 333_333_333 && times[2] == 1_000_000_000 && times[2999] == 1_000_000_000_000)
    }

    @Test func noRateNoArrivals() {
        for rate in [0, -1, Double.nan, .infinity, 1e-300] {
            var arrivals = Arrivals(.poisson, rate: rate, seed: 1)
            #expect(arrivals.next() == nil)
        }
    }

    @Test func shardsOfAConstantProcessTakeTurns() throws {
        let audience = try Audience(.uniform, channels: 3, viewers: 9, seed: 1)
        var times: [UInt64] = []
        for index in 0..<4 {
            var comments = CommentArrivals(audience, rate: 8, shard: try Shard.parse("\(index)/4"), process: .constant)
            times += (0..<2).compactMap { _ in comments.next()?.nanoseconds }
        }
        #expect(times.sorted() == (1...8).map { UInt64($0) * 125_000_000 })
    }

    @Test func commentsFollowViewers() throws {
        let audience = try Audience(.zipf(exponent: 1.5), channels: 40, viewers: 1000, seed: 3)
        var comments = CommentArrivals(audience, rate: 100)
        var counts = [Int](repeating: 0, count: 40)
        for _ in 0..<40000 {
            guard let comment = comments.next() else { break }
            counts[comment.channel] += 1
            #expect(audience.viewers(ofChannel: comment.channel).contains(comment.viewer))
        }
        for channel in 0..<40 {
            let expected = Double(audience.viewers[channel]) * 40
            #expect(abs(Double(counts[channel]) - expected) < 5 * expected.squareRoot() + 1)
        }
    }

    @Test func shardsDrawDifferentComments() throws {
        let audience = try Audience(.uniform, channels: 100, viewers: 1000, seed: 1)
        func first(_ shard: String) throws -> [Int] {
            var comments = CommentArrivals(audience, rate: 10, shard: try Shard.parse(shard))
            return (0..<20).compactMap { _ in comments.next()?.channel }
        }
        #expect(try first("0/2") != first("1/2"))
        #expect(try first("0/2") == first("0/2"))
    }

    @Test func aliasTablesKeepTheWeights() throws {
        var draws = Xoshiro256(seed: 8)
        for _ in 0..<20 {
            let weights = (0..<draws.within(1...30)).map { _ in Double(draws.below(5)) }
            guard let table = AliasTable(weights: weights) else {
                #expect(weights.allSatisfy { $0 == 0 })
                continue
            }
            var counts = [Double](repeating: 0, count: weights.count)
            for _ in 0..<20000 { counts[table.draw(using: &draws)] += 1 }
            let sum = weights.reduce(0, +)
            for (weight, count) in zip(weights, counts) {
                let expected = weight / sum * 20000
                #expect(weight > 0 || count == 0)
                #expect(abs(count - expected) < 5 * expected.squareRoot() + 1)
            }
        }
    }

    @Test func impossibleWeightsMakeNoTable() {
        #expect(AliasTable(weights: []) == nil && AliasTable(weights: [0, 0]) == nil)
        #expect(AliasTable(weights: [1, -1]) == nil && AliasTable(weights: [.infinity]) == nil)
    }
}

@Suite struct MovesTests {
    private func make(
        _ churn: Double, _ zaps: Double, seed: UInt64 = 1, shard: String = "0/1"
    ) throws -> [ViewerMove] {
        let audience = try Audience(.zipf(exponent: 1), channels: 50, viewers: 1_000, seed: seed)
        var moves = Moves()
        (moves.churn, moves.zaps) = (churn, zaps)
        let process = ViewerMoves(moves, audience, shard: try Shard.parse(shard))
        return Array(process.prefix { $0.nanoseconds < 600_000_000_000 })
    }

    @Test func aShareOfTheViewersMovesEachMinute() throws {
        // 10 minutes of 1,000 viewers, 10% and 5% a minute.
        let all = try make(0.1, 0.05)
        #expect((1_380...1_620).contains(all.count))
        let zaps = all.filter { $0.action != .replaced }
        #expect((400...600).contains(zaps.count))
        // The first of 50 channels has a share of 0.22.
        #expect((70...160).contains(zaps.count { $0.action == .zaps(0) }))
        #expect(Set(all.map(\.viewer)).count > 600 && all.allSatisfy { (0..<1_000).contains($0.viewer) })
        let half = try make(0.1, 0.05, shard: "1/2")
        #expect((670...830).contains(half.count) && half.allSatisfy { $0.viewer < 500 })
    }

    @Test func theSeedDecides() throws {
        let (one, same, other) = (try make(0.1, 0.1), try make(0.1, 0.1), try make(0.1, 0.1, seed: 2))
        #expect(one == same && one != other)
        #expect(try make(0, 0).isEmpty)
    }

    @Test func aCrowdOfAnyShapeComesToTheFirstChannel() throws {
        let flash = try FlashCrowd.parse("5:0.25")
        #expect(flash.seconds == 5 && flash.description == "5.0:0.25")
        #expect(try FlashCrowd.parse("7").share == AudienceSpec.flashShare)
        let audience = try Audience(.reference, channels: 100, viewers: 4_000, seed: 1, crowdShare: flash.share)
        let without = try Audience(.reference, channels: 100, viewers: 3_000, seed: 1)
        #expect(audience.crowd.count == 1_000 && audience.crowd.upperBound == audience.viewers[0])
        #expect(audience.viewers[0] == without.viewers[0] + 1_000 && audience.total == 4_000)
        #expect(audience.viewers.dropFirst() == without.viewers.dropFirst())
        var moves = Moves()
        (moves.churn, moves.flash) = (0.5, flash)
        let shard = try Shard.parse("1/2")
        let process = Array(ViewerMoves(moves, audience, shard: shard).prefix { $0.nanoseconds < 10_000_000_000 })
        let coming = process.filter { $0.action == .joins(nil) }
        #expect(coming.map(\.viewer) == Array(audience.crowd(of: shard)) && coming.count == 500)
        #expect(coming.allSatisfy { $0.nanoseconds == 5_000_000_000 })
        #expect(process.map(\.nanoseconds) == process.map(\.nanoseconds).sorted())
        #expect(process.count { $0.action == .replaced } > 50)
        for text in ["", "x", "5:", "5:0", "5:1", "-1", "5:0.1:2"] {
            #expect(throws: InvalidParameter.self) { try FlashCrowd.parse(text) }
        }
    }
}
