import BitCollections
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import InMemory
import Logging
import NIOCore
import Placement
import ServiceRuntime
import TestSupport
import Testing
import Wire

@testable import StatsAPI

/// What a dashboard does with the changes of the map.
private struct MapFollower {
    var rows: [Int: [UInt8]] = [:]

    mutating func apply(_ change: [UInt8]) {
        var bytes = change[...]
        func varint() -> Int {
            var (value, shift) = (0, 0)
            while let byte = bytes.popFirst() {
                value |= Int(byte & 127) << shift
                shift += 7
                if byte < 128 { break }
            }
            return value
        }
        while let slot = bytes.popFirst() {
            var row = rows[Int(slot)] ?? []
            var at = 0
            while true {
                at += varint()
                let count = varint()
                if count == 0 { break }
                while row.count < at + count { row.append(0) }
                for _ in 0..<count {
                    row[at] ^= bytes.popFirst() ?? 0
                    at += 1
                }
            }
            rows[Int(slot)] = row
        }
    }

    func set(_ slot: Int) -> BitSet {
        var set = BitSet()
        for (index, byte) in (rows[slot] ?? []).enumerated() {
            for bit in 0..<8 where byte & (1 << UInt8(bit)) != 0 { set.insert(index * 8 + bit) }
        }
        return set
    }
}

@Suite struct SubscriptionMapTests {
    @Test(arguments: 0..<12 as Range<UInt64>) func changesLeadToWhatIs(seed: UInt64) {
        var random = Xoshiro256(seed: seed)
        var (map, follower) = (SubscriptionMap(), MapFollower())
        var readers: [String: (BitSet, Int)] = [:]
        let columns = [40, 900, 30_000][random.below(3)]
        for round in 0..<60 {
            let id = "r\(random.below(6))"
            if random.below(8) == 0 {
                readers[id] = nil
            } else {
                var set = readers[id]?.0 ?? BitSet()
                for _ in 0..<random.below(random.below(4) == 0 ? columns : 20) {
                    let column = random.below(columns)
                    if random.below(2) == 0 { set.insert(column) } else { set.remove(column) }
                }
                readers[id] = (set, round)
            }
            map.want(readers.map { ($0, $1.0, $1.1) })
            if let change = map.change() {
                #expect(change.count < SubscriptionMap.changeBytesMax * 3 / 2)
                follower.apply(change)
            }
        }
        while let change = map.change() { follower.apply(change) }
        #expect(map.behind == 0)
        for (id, entry) in readers {
            let slot = map.rows.firstIndex { $0?.reader == id }
            #expect(follower.set(slot ?? -1) == entry.0, "\(id) of seed \(seed)")
        }
        #expect(map.rows.compactMap { $0 }.count == readers.count)
        let slots = Set(map.rows.indices.filter { map.rows[$0] != nil })
        #expect(follower.rows.keys.allSatisfy { slots.contains($0) || follower.set($0).isEmpty })
    }

    @Test func ninetyThousandChannelsOfFourteenReadersFit() {
        var random = Xoshiro256(seed: 1)
        var map = SubscriptionMap()
        map.want(
            (0..<14).map { reader in
                var set = BitSet(reservingCapacity: 90_000)
                for column in 0..<90_000 where random.below(2) == 0 { set.insert(column) }
                return ("r\(reader)", set, 1)
            })
        var changes = 0
        while let change = map.change() {
            changes += 1
            #expect(change.count < SubscriptionMap.changeBytesMax * 3 / 2)
        }
        #expect(map.rows.compactMap { $0?.known.count }.reduce(0, +) <= 157_500)
        #expect(changes < 30)
    }

    @Test func rowsEnd() {
        var map = SubscriptionMap()
        map.want((0..<70).map { ("r\($0)", BitSet([1]), 1) })
        map.catchUp()
        #expect(map.rows.count == SubscriptionMap.rowsMax)
    }
}

@Suite struct RecentDurationsTests {
    @Test func theLastMinuteCounts() {
        var recent = RecentDurations()
        var one = DurationHistogram()
        one.record(nanoseconds: 5_000_000)
        for second in 0..<200 { recent.add(one, at: .seconds(second)) }
        let count = recent.merged(at: .seconds(199))?.count ?? 0
        #expect((55...60).contains(count))
        #expect(recent.merged(at: .seconds(280)) == nil)
    }

    @Test func aReaderThatWasThereBeforeCountsFromNowOn() {
        var aggregate = Aggregate()
        var reader = SimulatedReader("r")
        func report(_ recorded: Int) -> ReaderReport {
            var report = reader.report()
            var times = DurationHistogram()
            for _ in 0..<recorded { times.record(nanoseconds: 1_000_000) }
            report.deliveryTimes = times
            return report
        }
        func counted() -> UInt64 { aggregate.recentDeliveryTimes(at: .seconds(2))?.count ?? 0 }
        reader.sequence = 7
        reader.full = true
        _ = aggregate.accept(report(1_000), at: .seconds(1))
        #expect(counted() == 0)
        reader.full = false
        _ = aggregate.accept(report(1_010), at: .seconds(1))
        #expect(counted() == 10)
        reader.restart()
        _ = aggregate.accept(report(5), at: .seconds(1))
        #expect(counted() == 15)
    }

    @Test func likesOfThoseWhoAreGoneStayCounted() {
        var aggregate = Aggregate()
        func report(_ session: String, _ changed: Int, lag: Double?) -> LikeReport {
            LikeReport(
                instanceId: "l", session: session, changed: changed, recorded: changed / 2, backlog: 3, lagSeconds: lag,
                refusals: ["likes_overloaded": 1])
        }
        #expect(aggregate.likes == nil)
        _ = aggregate.accept(report("a", 10, lag: 0.5), at: .seconds(1))
        _ = aggregate.accept(report("a", 12, lag: -1), at: .seconds(2))
        #expect(aggregate.likes?.changed == 12 && aggregate.likes?.lagSeconds == 0 && aggregate.likes?.backlog == 3)
        _ = aggregate.accept(report("b", 4, lag: nil), at: .seconds(3))
        #expect(aggregate.likes?.changed == 16 && aggregate.likes?.recorded == 8)
        aggregate.expire(at: .seconds(60))
        #expect(aggregate.likes?.changed == 16 && aggregate.likes?.backlog == nil)
    }
}

@Suite struct DashboardTests {
    private func makeFeed() throws -> (StatisticsService, DashboardFeed) {
        let settings = try StatsAPISettings.read(environment: [:])
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let process = ServiceProcess(name: "StatsAPI", server: settings.server, logger: logger)
        let service = StatisticsService(redis: RedisCounts(broker: InMemoryBroker(), logger: logger))
        return (service, DashboardFeed(service: service, process: process))
    }

    private func data(_ frame: DashboardFeed.Frame) throws -> [String: Any] {
        let line = Data(frame.lines.readableBytesView)
        let object = try JSONSerialization.jsonObject(with: line) as? [String: Any]
        return object?["data"] as? [String: Any] ?? [:]
    }

    @Test func aStateIsWhatStatisticsSay() async throws {
        let (service, feed) = try makeFeed()
        var random = Xoshiro256(seed: 3)
        for reader in 0..<4 {
            var simulated = SimulatedReader("r\(reader)")
            for _ in 0..<200 {
                let channel = "video:v\(random.below(100))"
                simulated.subscriptions.insert(channel)
                simulated.viewers[channel, default: 0] += 1
            }
            _ = service.accept(simulated.report())
        }
        let stream = try #require(try feed.follow())
        var frames = stream.makeAsyncIterator()
        let state = try data(try #require(await frames.next()))
        let statistics = service.withAggregate { aggregate, now in aggregate.statistics(at: now, timestamp: "") }
        let spread = statistics.subscriptionSpread
        #expect(state["channels"] as? Int == spread.channels)
        #expect(state["subscriptions"] as? Int == spread.subscriptions)
        #expect(state["meanShare"] as? Double == spread.meanShare)
        #expect(state["predictedShare"] as? Double == spread.predictedShare)
        #expect(state["amplification"] as? Double == spread.amplification)
        #expect(state["connections"] as? Int == statistics.readerApis.totalActiveConnections)
        #expect((state["readers"] as? [Any])?.count == 4 && (state["hottest"] as? [Any])?.count == 20)
        let curve = try #require(state["curve"] as? [[Double]])
        #expect(curve.map { $0[3] }.reduce(0, +) == Double(spread.channels))
        // 800 viewers at random: the formula holds within four standard deviations.
        let deviation = try #require(state["predictedDeviation"] as? Double)
        #expect(deviation > 0 && abs((spread.meanShare ?? 0) - (spread.predictedShare ?? 0)) < 4 * deviation)
    }

    @Test func whoIsBehindIsDroppedAndTheNumberIsBounded() async throws {
        let (service, feed) = try makeFeed()
        var reader = SimulatedReader("r", ["video:a"])
        _ = service.accept(reader.report())
        let slow = try #require(try feed.follow())
        for _ in 0..<20 { try feed.tick() }
        var count = 0
        for await _ in slow { count += 1 }
        #expect(count == 8)
        var kept: [AsyncStream<DashboardFeed.Frame>] = []
        while kept.count < DashboardFeed.followersMax {
            let next = try feed.follow()
            guard let next else { break }
            kept.append(next)
        }
        #expect(try feed.follow() == nil)
        #expect(kept.count >= DashboardFeed.followersMax - 1)
    }

    @Test func aMapAndItsChangesJoin() async throws {
        let (service, feed) = try makeFeed()
        var reader = SimulatedReader("r", ["video:a", "video:b"])
        _ = service.accept(reader.report())
        let stream = try #require(try feed.follow())
        var frames = stream.makeAsyncIterator()
        let first = try data(try #require(await frames.next()))
        let (head, bytes) = try feed.map()
        #expect(first["mapVersion"] as? Int == head.version && Array(bytes.readableBytesView) == [3])
        // The first one's column goes to one of the new ones.
        reader.subscriptions = ["video:b", "video:c", "video:d"]
        _ = service.accept(reader.report())
        try feed.tick()
        let change = try data(try #require(await frames.next()))
        #expect(change["version"] as? Int == head.version + 1)
        var follower = MapFollower(rows: [0: [3]])
        follower.apply(Array(try #require(Data(base64Encoded: change["change"] as? String ?? ""))))
        let ids = service.withAggregate { all, _ in
            ["video:b", "video:c", "video:d"].compactMap { all.channels.id(of: $0) }
        }
        #expect(follower.set(0) == BitSet(ids))
        let next = try data(try #require(await frames.next()))
        #expect(next["mapVersion"] as? Int == head.version + 1 && next["mapBehind"] as? Int == 0)
    }

    @Test func whatItAsksFor() async throws {
        let folder = try makeTemporaryFolder()
        defer { removeFolder(folder) }
        for (path, text) in [
            ("dashboard/index.html", "<!doctype html>"), ("dashboard/core/a.js", "a"), ("app/app.css", "b"),
            ("app/index.html", "no"), ("secret.js", "no"), ("reports/run-1/report.html", "r"),
            ("reports/run-1/.secret.json", "no"), ("reports/empty/note.exe", "no"),
        ] {
            let file = URL(fileURLWithPath: "\(folder)/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let settings = try StatsAPISettings.read(environment: [
            "WEB_FOLDER": folder, "REPORTS_FOLDER": folder + "/reports",
        ])
        let process = ServiceProcess(
            name: "StatsAPI", server: settings.server, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let assembly = try StatsAPI.assemble(settings, process, broker: InMemoryBroker())
        try await process.makeApplication(router: assembly.router, crossOrigin: assembly.crossOrigin).test(.router) {
            client in
            func get(_ uri: String, _ headers: HTTPFields = [:]) async throws -> TestResponse {
                try await client.execute(uri: uri, method: .get, headers: headers) { $0 }
            }
            let first = try await get("/")
            #expect(first.status == .temporaryRedirect && first.headers[.location] == "/dashboard/")
            let index = try await get("/dashboard/")
            #expect(String(buffer: index.body) == "<!doctype html>")
            #expect(index.headers[.contentSecurityPolicy]?.contains("require-trusted-types-for 'script'") == true)
            let again = try await get("/dashboard/", [.ifNoneMatch: index.headers[.eTag] ?? ""])
            #expect(again.status == .notModified)
            #expect(try await get("/dashboard/core/a.js").headers[.contentType] == "text/javascript; charset=utf-8")
            #expect(try await get("/app/app.css").status == .ok)
            for path in [
                "/app/index.html", "/dashboard/../secret.js", "/dashboard/%2e%2e/secret.js", "/dashboard/none.js",
            ] {
                #expect(try await get(path).status == .notFound, "\(path)")
            }
            let reports = String(buffer: try await get("/statistics/reports").body)
            #expect(reports.contains(#""files":["report.html"]"#) && !reports.contains("empty"))
            let report = try await get("/reports/run-1/report.html")
            #expect(String(buffer: report.body) == "r")
            #expect(report.headers[.contentSecurityPolicy]?.hasPrefix("sandbox allow-scripts;") == true)
            for path in ["/reports/run-1/.secret.json", "/reports/empty/note.exe", "/reports/../secret.js"] {
                #expect(try await get(path).status == .notFound, "\(path)")
            }
            var reader = SimulatedReader("r", ["video:a"])
            reader.viewers = ["video:a": 5]
            _ = try await client.execute(
                uri: "/reader-api-statistics", method: .post, headers: [.contentType: "application/json"],
                body: ByteBuffer(bytes: try JSONEncoder().encode(reader.report()))
            ) { $0 }
            let named = try await get("/statistics/channels?name=video:a")
            #expect(
                String(buffer: named.body)
                    == #"{"channels":[{"column":0,"name":"video:a","published":0,"readers":{"r":5},"viewers":5}]}"#)
            #expect(try await get("/statistics/channels?columns=0,7").body == named.body)
            #expect(try await get("/statistics/channels?columns=x").status == .badRequest)
            #expect(try await get("/statistics/feed?format=xml").status == .badRequest)
            let map = try await get("/statistics/map").body
            let length = Int(map.getInteger(at: 0, endianness: .little, as: UInt32.self) ?? 0)
            #expect(map.getString(at: 4, length: length)?.contains(#""reader":"r""#) == true)
            #expect(map.readableBytes == 4 + length + 1)
        }
        #expect(throws: ServiceFailure.self) { try DashboardFiles(folder: folder + "/none") }
    }
}
