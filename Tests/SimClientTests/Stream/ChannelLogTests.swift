import Testing
import Wire

@testable import SimClient

@Suite struct ChannelLogTests {
    private func makeLog(_ offsets: ClosedRange<UInt64>, bytesMax: Int = 1 << 16) -> ChannelLog {
        var log = ChannelLog(bytesMax: bytesMax)
        add(offsets, to: &log)
        return log
    }

    private func add(_ offsets: ClosedRange<UInt64>, to log: inout ChannelLog) {
        for offset in offsets { _ = take(offset, epoch: 0, &log) }
    }

    private func take(_ offset: UInt64, epoch: Int, _ log: inout ChannelLog) -> Bool {
        makeFrame(offset).withUnsafeBytes { log.take($0, offset: offset, epoch: epoch) }
    }

    private func arrivals(_ log: inout ChannelLog) -> [Int64: Int] {
        var counts: [Int64: Int] = [:]
        log.takeArrivals { counts[$0.at - 1_000_000, default: 0] += $1 }
        return counts
    }

    @Test func countsViewersOfEachComment() {
        var log = makeLog(5...9)
        log.arrived(5...9)
        log.arrived(6...7)
        log.arrived(7...7)
        #expect(arrivals(&log) == [5: 1, 6: 2, 7: 3, 8: 1, 9: 1])
        #expect(arrivals(&log).isEmpty)
        log.arrived(9...9)
        add(10...10, to: &log)
        log.arrived(9...10)
        #expect(arrivals(&log) == [9: 2, 10: 1])
    }

    @Test func dropsTheOlderHalfAndKeepsPlaces() throws {
        var log = makeLog(1...100, bytesMax: 5000)
        #expect(log.isFull)
        let place = try #require(log.place(after: 90))
        let end = log.end
        log.dropOldest()
        #expect(log.first > 40 && log.first < 60)
        #expect(log.last == 100)
        #expect(log.end == end)
        #expect(log.place(after: 90) == place)
        #expect(log.place(after: 10) == nil)
        #expect(makeFrame(91).withUnsafeBytes { log.matches($0, at: place) } == makeFrame(91).count)
        log.arrived(log.first...100)
        #expect(arrivals(&log).count == Int(100 - log.first) + 1)
    }

    @Test func aHoleOrANewEpochAsksForARestart() {
        var log = makeLog(1...3)
        let end = log.end
        let jumped = take(5, epoch: 0, &log)
        #expect(!jumped)
        #expect(log.wantsRestart)
        log.restart()
        #expect(log.isEmpty)
        #expect(log.start > end)
        let began = take(5, epoch: 1, &log)
        #expect(began)
        // An older epoch is no reason.
        let older = take(4, epoch: 0, &log)
        #expect(!older)
        #expect(!log.wantsRestart)
        let newer = take(1, epoch: 2, &log)
        #expect(!newer)
        #expect(log.wantsRestart)
    }

    @Test func findsTheLastWholeComment() throws {
        let log = makeLog(1...10)
        for offset in 1...10 as ClosedRange<UInt64> {
            let end = try #require(log.place(after: offset))
            #expect(log.lastOffset(endingBy: end, from: 0) == offset)
            #expect(log.lastOffset(endingBy: end - 1, from: 0) == offset - 1)
            #expect(log.lastOffset(endingBy: end, from: offset) == offset)
        }
    }

    @Test func withoutASizeNothingIsHeld() {
        let log = makeLog(1...3, bytesMax: 0)
        #expect(log.isEmpty)
        #expect(!log.wantsRestart)
    }
}
