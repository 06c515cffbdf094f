import Fanout
import Foundation
import Placement
import TestSupport
import Testing
import Wire

extension IntegrationTests {
    @Suite struct ChurnTests {
        private enum Visit {
            case whole(LeavingTests.Way)
            /// Half a request.
            case beforeTheHead
            /// A whole request for a channel that nobody watches, and gone before Redis can have answered.
            case duringSubscribe

            static let all = LeavingTests.Way.allCases.map(Visit.whole) + [.beforeTheHead, .duringSubscribe]
        }

        private static let visits = 10_000
        private static let visitors = 100

        /// `CHORUS_CHURN_SEED` gives everybody the same ways again; who meets whom still depends on the machine.
        @Test func tenThousandComeAndGoAndNothingStays() async throws {
            let given = ProcessInfo.processInfo.environment["CHORUS_CHURN_SEED"].flatMap { UInt64($0) }
            let seed = given ?? .random(in: 0 ... .max)
            let command = "CHORUS_CHURN_SEED=\(seed) swift test --filter ChurnTests"
            // Standard output is lost with a process that is killed.
            FileHandle.standardError.write(Data("reproduce: \(command)\n".utf8))
            try await TestSystem.with(environment: ["READER_UNSUBSCRIBE_DELAY_MS": "20"]) { system in
                let steady = try await system.connectedViewer(of: "steady")
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for visitor in 0..<Self.visitors {
                        group.addTask { try await visit(system, visitor, Xoshiro256(seed: seed &+ UInt64(visitor))) }
                    }
                    var written = 0
                    var met = 0
                    while let connected = try await group.next() {
                        met += connected
                        written += 1
                        try await system.write("\(written)", to: "steady")
                    }
                    #expect(met > Self.visits / 2, "three of five kinds of visit wait until they are connected")
                    #expect(try await steady.comments(written) == (1...written).map { "\($0)" })
                }
                #expect(system.hub.counters.connectionsTotal > Self.visits / 2)
                await steady.close()
                try await expectNothingLeft(system)
            }
        }

        private func visit(_ system: TestSystem, _ visitor: Int, _ generator: Xoshiro256) async throws -> Int {
            var generator = generator
            var connected = 0
            for number in 0..<Self.visits / Self.visitors {
                switch Visit.all[generator.below(5)] {
                case .beforeTheHead:
                    let client = try await system.viewer(
                        Array(RequestText.connect(video: "v").prefix(generator.below(60))))
                    await client.close()
                case .duringSubscribe:
                    let client = try await system.viewer(RequestText.connect(video: "own-\(visitor)-\(number)"))
                    if generator.below(2) == 0 { await client.reset() } else { await client.close() }
                case .whole(let way):
                    let client = try await system.viewer(RequestText.connect(video: "v\(generator.below(50))"))
                    if try await client.next().data.contains("connected") { connected += 1 }
                    await way.leave(client)
                    if way == .halfClose { _ = try await client.end() }
                }
            }
            return connected
        }
    }
}
