import Placement
import Primitives
import Testing

@Suite struct SmallListTests {
    /// Against an array, step by step.
    @Test func itIsAList() {
        var random = Xoshiro256(seed: 1)
        var (list, array) = (SmallList<Int>(), [Int]())
        for step in 0..<2_000 {
            if random.below(5) < 3 || array.isEmpty {
                list.append(step)
                array.append(step)
            } else {
                let index = random.below(array.count)
                #expect(list.remove(at: index) == array.remove(at: index))
            }
            if array.count > 4 { (list, array) = (SmallList(), []) }
            #expect(Array(list) == array && list.count == array.count && list.isEmpty == array.isEmpty)
        }
    }
}
