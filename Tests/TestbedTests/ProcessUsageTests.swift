import Testing

@testable import Testbed

struct ProcessUsageTests {
    @Test func aNameWithSpacesAndParenthesesIsNoObstacle() throws {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1523 0 0 0 250 50 0 0 20 0 3 0 1234 1 1"
        let usage = try #require(
            ProcessUsage(stat: stat, status: "Name:\tx\nVmHWM:\t   2048 kB\n", ticksPerSecond: 100))
        #expect(usage.cpuUserSeconds == 2.5)
        #expect(usage.cpuSystemSeconds == 0.5)
        #expect(usage.memoryPeakBytes == 2 << 20)
    }

    @Test(arguments: ["", "42", "42 (x) S 1 2", "42 (x) S 1 42 42 0 -1 4194560 1523 0 0 0 many 50 0"])
    func anythingElseIsNoUsage(stat: String) {
        #expect(ProcessUsage(stat: stat, status: "", ticksPerSecond: 100) == nil)
    }

    @Test func livesAddUpAndPeaksDoNot() {
        var sum = ProcessUsage()
        var one = ProcessUsage()
        one.cpuUserSeconds = 2
        one.memoryPeakBytes = 100
        sum.add(one)
        sum.add(one)
        #expect(sum.cpuSeconds == 4)
        #expect(sum.memoryPeakBytes == 100)
    }
}
