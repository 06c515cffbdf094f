import Placement
import Testing
import Wire

@testable import StatsAPI

/// A Reader that reports as the contract says: changes since the last accepted report, full when it was asked for.
struct SimulatedReader {
    let id: String
    var session = "s1"
    var sequence = 0
    var full = true
    var subscriptions: Set<String> = []
    var viewers: [String: Int] = [:]
    var told: Set<String> = []
    var notRedirected: Int?
    var extra: Int?

    init(_ id: String, _ subscriptions: Set<String> = []) { (self.id, self.subscriptions) = (id, subscriptions) }

    mutating func report() -> ReaderReport {
        let report = ReaderReport(
            instanceId: id, session: session, sequence: sequence, full: full,
            subscribed: (full ? subscriptions : subscriptions.subtracting(told)).sorted(),
            unsubscribed: (full ? [] : told.subtracting(subscriptions)).sorted(), subscriptions: subscriptions.count,
            viewers: viewers, publicUrl: "http://\(id)", activeConnections: viewers.values.reduce(0, +),
            totalConnections: 7, totalMessagesReceived: 10, totalMessagesSent: 20,
            notRedirected: notRedirected, extraSubscriptions: extra)
        sequence += 1
        told = subscriptions
        full = false
        return report
    }

    mutating func heard(_ answer: ReportAcknowledgement) { full = answer.resync }
    mutating func restart() { self = SimulatedReader(id); session = "s\(UInt64.random(in: 0..<(.max)))" }
}

@Suite struct ReaderReportTests {
    @Test func changesAreApplied() {
        var aggregate = Aggregate()
        var reader = SimulatedReader("r1", ["video:a", "video:b"])
        #expect(aggregate.accept(reader.report(), at: .seconds(1)) == ReportAcknowledgement())
        reader.full = false
        reader.subscriptions = ["video:b", "video:c", "video:d"]
        #expect(aggregate.accept(reader.report(), at: .seconds(2)) == ReportAcknowledgement())
        #expect(aggregate.subscribedChannelNames().sorted() == ["video:b", "video:c", "video:d"])
        #expect(aggregate.channels.count == 3)
    }

    @Test func aReportThatDoesNotContinueAsksForAFullOne() {
        var aggregate = Aggregate()
        var reader = SimulatedReader("r1", ["video:a"])
        _ = aggregate.accept(reader.report(), at: .seconds(1))
        _ = reader.report()
        reader.subscriptions.insert("video:b")
        #expect(aggregate.accept(reader.report(), at: .seconds(2)) == ReportAcknowledgement(resync: true))
        // The set stays what it was, and a report that would continue is not trusted either.
        #expect(aggregate.subscribedChannelNames().sorted() == ["video:a"])
        #expect(aggregate.accept(reader.report(), at: .seconds(3)).resync)
        reader.full = true
        #expect(aggregate.accept(reader.report(), at: .seconds(4)) == ReportAcknowledgement())
        #expect(aggregate.subscribedChannelNames().sorted() == ["video:a", "video:b"])
        #expect(aggregate.refusals.resyncs == 2)
    }

    @Test func anotherSessionIsAnotherProcess() {
        var aggregate = Aggregate()
        var reader = SimulatedReader("r1", ["video:a"])
        _ = aggregate.accept(reader.report(), at: .seconds(1))
        var other = reader
        other.session = "other"
        #expect(aggregate.accept(other.report(), at: .seconds(2)).resync)
        reader.restart()
        reader.subscriptions = ["video:z"]
        #expect(aggregate.accept(reader.report(), at: .seconds(3)) == ReportAcknowledgement())
        #expect(aggregate.subscribedChannelNames().sorted() == ["video:z"])
    }

    @Test func aWrongSizeAsksForAFullOne() {
        var aggregate = Aggregate()
        var reader = SimulatedReader("r1", ["video:a"])
        var report = reader.report()
        report.subscriptions = 2
        #expect(aggregate.accept(report, at: .seconds(1)).resync)
    }

    @Test func refusedChannelsDoNotAskForever() {
        var aggregate = Aggregate(limits: AggregateLimits(channelsMax: 2))
        var reader = SimulatedReader("r1", ["video:a", "video:b", "video:c"])
        #expect(!aggregate.accept(reader.report(), at: .seconds(1)).resync)
        #expect(aggregate.refusals.channels == 1)
    }

    @Test func silentReadersAreForgotten() {
        var aggregate = Aggregate()
        var one = SimulatedReader("r1", ["video:a"])
        var other = SimulatedReader("r2", ["video:a", "video:b"])
        one.viewers = ["video:a": 3]
        _ = aggregate.accept(one.report(), at: .seconds(1))
        _ = aggregate.accept(other.report(), at: .seconds(10))
        #expect(aggregate.statistics(at: .seconds(16), timestamp: "").readerApis.totalReaders == 2)
        let statistics = aggregate.statistics(at: .seconds(17), timestamp: "")
        #expect(statistics.readerApis.readers.map(\.instanceId) == ["r2"])
        #expect(aggregate.channels.count == 2)
        // It comes back, and has to say everything.
        #expect(aggregate.accept(one.report(), at: .seconds(18)).resync)
        _ = aggregate.statistics(at: .seconds(60), timestamp: "")
        #expect(aggregate.channels.count == 0)
    }

    @Test func tablesAreBounded() {
        var aggregate = Aggregate(limits: AggregateLimits(readersMax: 1))
        var one = SimulatedReader("r1")
        var other = SimulatedReader("r2")
        #expect(aggregate.accept(one.report(), at: .seconds(1)).success)
        #expect(!aggregate.accept(other.report(), at: .seconds(1)).success)
        #expect(aggregate.accept(one.report(), at: .seconds(1)).success)
        #expect(aggregate.refusals.reports == 1)
    }

    /// Readers that change at random, lose reports, restart and fall silent: the sets are always right when a report
    /// was accepted, and no channel is held for nobody.
    @Test(arguments: 1...15) func setsFollowTheReaders(seed: UInt64) {
        var draws = Xoshiro256(seed: seed)
        var aggregate = Aggregate()
        var readers = (0..<4).map { SimulatedReader("r\($0)") }
        var accepted: [String: (set: Set<String>, at: Int)] = [:]
        for second in 1...300 {
            let index = draws.below(4)
            for _ in 0..<draws.below(5) {
                let name = "video:v\(draws.below(40))"
                if readers[index].subscriptions.remove(name) == nil { readers[index].subscriptions.insert(name) }
                readers[index].viewers[name] = draws.below(4)
            }
            switch draws.below(10) {
            case 0: readers[index].restart()
            case 1: _ = readers[index].report()
            default:
                let answer = aggregate.accept(readers[index].report(), at: .seconds(second))
                readers[index].heard(answer)
                if !answer.resync { accepted[readers[index].id] = (readers[index].subscriptions, second) }
            }
            aggregate.expire(at: .seconds(second))
            for (id, record) in aggregate.readers where record.isInStep {
                let names = Set(record.subscribed.prefix(.max).map { aggregate.channels.name(of: $0) })
                #expect(names == accepted[id]?.set)
            }
        }
        aggregate.expire(at: .seconds(1000))
        #expect(aggregate.readers.isEmpty && aggregate.channels.count == 0)
    }
}

@Suite struct ChannelTableTests {
    @Test func idsAreKeptWhileSomebodyHoldsThem() throws {
        var table = ChannelTable(channelsMax: 2)
        let holdA = table.hold("video:a")
        let first = try #require(holdA)
        #expect(table.hold("video:a") == first)
        let holdB = table.hold("video:b")
        let second = try #require(holdB)
        #expect(first != second)
        #expect(table.hold("video:c") == nil)
        table.release(first)
        #expect(table.id(of: "video:a") == first)
        table.release(first)
        #expect(table.id(of: "video:a") == nil && table.hold("video:c") == first)
        #expect(table.name(of: first) == "video:c" && table.idLimit == 2)
    }

    @Test func whatIsNoChannelIsRefused() {
        var table = ChannelTable(channelsMax: 10)
        for name in ["", "a", "film:1", "video:", "video:a b"] {
            #expect(table.hold(name) == nil)
        }
        #expect(table.count == 0)
    }
}
