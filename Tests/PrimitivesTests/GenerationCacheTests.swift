import Placement
import Primitives
import Testing

@Suite struct GenerationCacheTests {
    @Test func keepsHalfTheLimitOfTheNewest() {
        var cache = GenerationCache<Int, Int>(limit: 8)
        for key in 0..<100 {
            cache[key] = key
            #expect(cache.count <= 8)
            for recent in max(0, key - 3)...key { #expect(cache[recent] == recent) }
        }
        #expect(cache[0] == nil)
    }

    @Test func usedEntriesSurvive() {
        var cache = GenerationCache<String, Int>(limit: 4)
        cache["used"] = 1
        for key in 0..<50 {
            cache.touch("used")
            cache["other \(key)"] = key
        }
        #expect(cache["used"] == 1)
        cache["used"] = nil
        #expect(cache["used"] == nil)
    }

    @Test func updatesInPlace() {
        var cache = GenerationCache<String, [Int]>(limit: 2)
        cache.update("a", initial: []) { $0.append(1) }
        cache["b"] = []
        cache.update("a", initial: []) { $0.append(2) }
        #expect(cache["a"] == [1, 2])
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func agreesWithADictionary(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var cache = GenerationCache<Int, UInt64>(limit: 10)
        var written: [Int: UInt64] = [:]
        for _ in 0..<500 {
            let key = generator.below(20)
            switch generator.below(4) {
            case 0: cache.touch(key)
            case 1:
                cache[key] = nil
                written[key] = nil
            case 2:
                cache.update(key, initial: 0) { value in
                    value = generator.next()
                    written[key] = value
                }
            default:
                written[key] = generator.next()
                cache[key] = written[key]
            }
            #expect(cache.count <= 10)
            for key in 0..<20 where cache[key] != nil { #expect(cache[key] == written[key]) }
        }
    }
}
