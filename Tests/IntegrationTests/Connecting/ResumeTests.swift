import Fanout
import TestSupport
import Testbed
import Testing
import Wire

extension IntegrationTests {
    @Suite struct ResumeTests {
        enum Way: CaseIterable {
            case header, query, body

            func request(_ id: String) -> [UInt8] {
                switch self {
                case .header: RequestText.connect(query: "userid=u&videoid=v", headers: [("Last-Event-ID", id)])
                case .query: RequestText.connect(query: "userid=u&videoid=v&lastEventId=\(id)")
                case .body: RequestText.post("/connect", json: #"{"userid":"u","videoid":"v","lastEventId":"\#(id)"}"#)
                }
            }
        }

        @Test func whoComesBackGetsWhatItMissedAndThenWhatIsNew() async throws {
            try await TestSystem.with { system in
                let epoch = try await system.writeNumbers(1...5)
                for (index, way) in Way.allCases.enumerated() {
                    let viewer = try await system.viewer(way.request("2.\(epoch)"))
                    #expect(
                        try await viewer.next().id == "2.\(epoch)", "the id of `connected` is where the viewer stands")
                    let seen = try await viewer.next(3 + index)
                    try await system.write("\(6 + index)", to: "v")
                    let offsets = (seen + [try await viewer.next()]).map { Position(parsing: $0.id)?.offset }
                    #expect(offsets == (3...UInt64(6 + index)).map { $0 })
                }
                let newest = try await system.viewer(Way.header.request("8.\(epoch)"))
                #expect(try await newest.next().id == "8.\(epoch)")
                #expect(await newest.isSilent(for: 0.1))
            }
        }

        /// A browser sends the header by itself when it reconnects; the query is that of its first connect.
        @Test func theHeaderIsNewerThanTheQuery() async throws {
            try await TestSystem.with { system in
                let epoch = try await system.writeNumbers(1...5)
                let viewer = try await system.viewer(
                    RequestText.connect(
                        query: "userid=u&videoid=v&lastEventId=1.\(epoch)", headers: [("Last-Event-ID", "4.\(epoch)")]))
                #expect(try await viewer.next().id == "4.\(epoch)")
                #expect(try await viewer.comments(1) == ["5"])
            }
        }

        @Test(arguments: ["nonsense", "17", "-1.abc", "3.", "99999999999999999999.abc", "3.abc%2F", "3.ab_c"])
        func aMalformedPositionIsTold(id: String) async throws {
            try await TestSystem.with { system in
                let placed = try await system.write("before", to: "v")
                let viewer = try await system.viewer(Way.query.request(id))
                let now = "\(placed.offset).\(placed.epoch)"
                #expect(try await viewer.next().id == now)
                try await expectGap(#"{"reason":"unknown_position"}"#, id: now, at: viewer)
                try await system.write("after", to: "v")
                #expect(try await viewer.comments(1) == ["after"])
            }
        }

        @Test func aPositionThatIsNotReachedYetIsTold() async throws {
            try await TestSystem.with { system in
                let epoch = try await system.write("before", to: "v").epoch
                let viewer = try await system.viewer(Way.header.request("99.\(epoch)"))
                _ = try await viewer.next()
                try await expectGap(#"{"reason":"unknown_position"}"#, id: "1.\(epoch)", at: viewer)
                try await system.write("after", to: "v")
                #expect(try await viewer.comments(1) == ["after"])
            }
        }

        @Test func aPositionOfAnotherEpochIsToldAndTheHistoryFollows() async throws {
            try await TestSystem.with { system in
                let epoch = try await system.write("before", to: "v").epoch
                let viewer = try await system.viewer(Way.header.request("3.zzzzzzzz"))
                #expect(try await viewer.next().id == "3.zzzzzzzz")
                try await expectGap(#"{"from":4,"reason":"epoch_changed"}"#, id: "0.\(epoch)", at: viewer)
                try await system.write("after", to: "v")
                #expect(try await viewer.comments(2) == ["before", "after"])
            }
        }

        /// All positions of the channel are forgotten: the viewer's means nothing any more.
        @Test func aPositionOnAChannelThatNobodyHasWrittenToIsTold() async throws {
            try await TestSystem.with { system in
                let viewer = try await system.viewer(Way.header.request("3.zzzzzzzz"))
                _ = try await viewer.next()
                try await expectGap(#"{"reason":"unknown_position"}"#, id: "0.0", at: viewer)
                try await system.writeNumbers(1...4)
                #expect(try await viewer.comments(4) == ["1", "2", "3", "4"])
            }
        }

        @Test func whatTheHistoryHasLostIsTold() async throws {
            try await TestSystem.with { system in
                let epoch = try await system.writeNumbers(1...10)
                try system.redis.command("XTRIM", "history:{video:v}", "MAXLEN", "=", "3")
                let viewer = try await system.viewer(Way.header.request("4.\(epoch)"))
                #expect(try await viewer.next().id == "4.\(epoch)")
                try await expectGap(#"{"from":5,"to":7,"reason":"expired"}"#, id: "7.\(epoch)", at: viewer)
                #expect(try await viewer.comments(3) == ["8", "9", "10"])
            }
        }
    }
}
