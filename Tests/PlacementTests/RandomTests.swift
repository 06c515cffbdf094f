import Placement
import Testing

@Suite struct RandomTests {
    @Test func splitMix64GivesThePublishedNumbers() {
        var zero = SplitMix64(seed: 0)
        #expect(
            (0..<3).map { _ in zero.next() } == [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F])
        var other = SplitMix64(seed: 1_234_567)
        #expect(
            (0..<5).map { _ in other.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test func xoshiro256GivesThePublishedNumbers() {
        var draws = Xoshiro256(state: (1, 2, 3, 4))
        #expect(
            (0..<10).map { _ in draws.next() } == [
                11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600,
                16_172_922_978_634_559_625, 8_476_171_486_693_032_832, 10_595_114_339_597_558_777,
                2_904_607_092_377_533_576,
            ])
    }

    @Test func fnv1aGivesThePublishedNumbers() {
        #expect(StableHash.fnv1a("") == 0xCBF2_9CE4_8422_2325 && StableHash.fnv1a("a") == 0xAF63_DC4C_8601_EC8C)
        #expect(StableHash.fnv1a("foobar") == 0x8594_4171_F739_67E8)
    }

    /// Pinned: a change of these numbers moves every viewer of a running service.
    @Test func hashesOfNamesStayWhatTheyAre() {
        #expect(StableHash.of("video:video1") == StableHash.mix(StableHash.fnv1a("video:video1")))
        let readers = (1...4).map { "reader-\($0)" }
        let pinned = ["reader-3", "reader-2", "reader-1", "reader-4"]
        #expect(Rendezvous.order(channel: "video:video1", readers: readers) == pinned)
    }

    @Test func purposesAreIndependentStreams() {
        var one = Xoshiro256(seed: 1, purpose: "a")
        var other = Xoshiro256(seed: 1, purpose: "b")
        var again = Xoshiro256(seed: 1, purpose: "a")
        let first = (0..<8).map { _ in one.next() }
        #expect(first == (0..<8).map { _ in again.next() })
        #expect(first != (0..<8).map { _ in other.next() })
    }

    @Test(arguments: [1, 2, 3, 7, 10, 100]) func drawsBelowABoundAreEven(bound: Int) {
        var draws = Xoshiro256(seed: 7)
        var counts = [Int](repeating: 0, count: bound)
        let each = 2000
        for _ in 0..<bound * each { counts[draws.below(bound)] += 1 }
        // Chi squared over its degrees of freedom is near 1; 2 would be far outside for each of these.
        let chi = counts.reduce(0.0) { $0 + Double(($1 - each) * ($1 - each)) / Double(each) }
        #expect(bound == 1 || chi / Double(bound - 1) < 3.9)
    }

    @Test func unitsAndExponentialsHaveTheirMeans() {
        var draws = Xoshiro256(seed: 3)
        let units = (0..<20000).map { _ in draws.unit() }
        #expect(units.allSatisfy { (0..<1).contains($0) })
        #expect(abs(units.reduce(0, +) / 20000 - 0.5) < 0.01)
        let intervals = (0..<20000).map { _ in draws.exponential(mean: 4) }
        #expect(intervals.allSatisfy { $0 >= 0 && $0.isFinite })
        #expect(abs(intervals.reduce(0, +) / 20000 - 4) < 0.15)
    }

    @Test func permutationsKeepEveryElementAndMoveThem() {
        var draws = Xoshiro256(seed: 5)
        var firsts = [Int](repeating: 0, count: 5)
        for _ in 0..<5000 {
            var elements = Array(0..<5)
            draws.permute(&elements)
            #expect(elements.sorted() == Array(0..<5))
            firsts[elements[0]] += 1
        }
        #expect(firsts.allSatisfy { abs($0 - 1000) < 150 })
    }
}
