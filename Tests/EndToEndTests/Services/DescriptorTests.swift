import Foundation
import TestSupport
import Testbed
import Testing

extension EndToEndTests {
    @Suite struct DescriptorTests {
        @Test func aReaderWith256DescriptorsStaysUpAndRefuses() async throws {
            try await System.with(descriptorsMax: 256) { system in
                let reader = system.readers[0]
                let before = await steady(reader)
                var served: [StreamClient] = []
                var refused = 0
                for number in 0..<300 {
                    let client = try await StreamClient(
                        port: reader.port, RequestText.connect(video: "v\(number % 10)"))
                    let head = try await client.head()
                    if head.status == 200 {
                        served.append(client)
                    } else {
                        #expect(head.status == 503)
                        #expect(head["retry-after"] == "1")
                        refused += 1
                        await client.close()
                    }
                }
                #expect(served.count >= 64)
                #expect(refused > 0)
                #expect(served.count + refused == 300)
                try await exhaust(reader)
                try await system.write("still here", to: "v0")
                _ = try await served[0].body { $0.contains("still here") }
                for client in served { await client.close() }
                await expectNothingLeft(system, descriptors: before)
                _ = try await system.viewer(of: "v")
            }
        }

        /// More connections than descriptors: those over the limit are refused, no core spins, and one line says why.
        @Test func aServiceWithoutDescriptorsRefusesAndRests() async throws {
            try await withTemporaryFolder { folder in
                let environment = ["HOST": "127.0.0.1", "PORT": "0"]
                let program = try await Program(
                    "StatsAPI", environment: environment, folder: folder, descriptorsMax: 60)
                try await withEnd({ await program.stop() }) {
                    let port = try await program.port()
                    var clients: [RawConnection] = []
                    for _ in 0..<150 { clients.append(try RawConnection(port: port)) }
                    var refused = 0
                    #expect(
                        await eventually {
                            refused = 0
                            for client in clients {
                                try await client.read(until: "")
                                if client.hasEnded, client.received.contains(#""code":"too_many_connections""#) {
                                    refused += 1
                                }
                            }
                            return refused >= 90
                        }, "\(refused)")
                    #expect(await eventually { program.log.contains("no descriptor is left") }, "\(program.log)")
                    // A client that comes again and again, while the others stay.
                    let before = program.cpu
                    let start = ContinuousClock.now
                    while ContinuousClock.now - start < .seconds(2) {
                        let late = try RawConnection(port: port)
                        #expect(try await late.readToEnd().contains("503"))
                    }
                    #expect(program.cpu - before < .milliseconds(700))
                    #expect(program.log.components(separatedBy: "no descriptor is left").count == 2)
                    for client in clients { client.close() }
                    #expect(await eventually { try await LoopbackHTTP.get(port: port, "/health").status == 200 })
                    let metrics = try await LoopbackHTTP.get(port: port, "/metrics").text
                    #expect(metrics.contains(#"chorus_http_refusals_total{code="too_many_connections"}"#))
                }
            }
        }

        /// Connections that never send a request take every descriptor that is left; when they go, the Reader answers again.
        private func exhaust(_ reader: Node) async throws {
            var idle: [StreamClient] = []
            for _ in 0..<300 { idle.append(try await StreamClient(port: reader.port, [])) }
            #expect(await eventually(within: 30) { reader.descriptors >= 200 })
            #expect(reader.isRunning)
            for client in idle { await client.close() }
            #expect(try await reader.get("/health").status == 200)
        }

        /// Its descriptors, as soon as they have not changed for a second: its own connections come one after the other.
        private func steady(_ reader: Node) async -> Int {
            var (last, since) = (reader.descriptors, ContinuousClock.now)
            _ = await eventually(within: 30) {
                if reader.descriptors != last { (last, since) = (reader.descriptors, .now) }
                return ContinuousClock.now - since > .seconds(1)
            }
            return last
        }

        /// The Reader has as few descriptors open as before, and no channel is subscribed.
        private func expectNothingLeft(_ system: System, descriptors before: Int) async {
            let reader = system.readers[0]
            let isBack = await eventually(within: 30) { reader.descriptors <= before }
            #expect(isBack, "\(reader.descriptors) descriptors, \(before) before")
            #expect(
                await eventually(within: 30) {
                    try system.redis.command("PUBSUB", "CHANNELS", "video:*") == "*0\r\n"
                })
        }

        @Test func viewersThatComeAndGoLeaveNoDescriptor() async throws {
            try await System.with { system in
                let reader = system.readers[0]
                let before = await steady(reader)
                for round in 0..<100 {
                    let whole = try await system.viewer(of: "v\(round % 7)")
                    let early = try await StreamClient(port: reader.port, RequestText.connect(video: "w\(round)"))
                    let half = try await StreamClient(
                        port: reader.port, Array(RequestText.connect(video: "x").prefix(40)))
                    await whole.close()
                    await early.reset()
                    await half.close()
                }
                await expectNothingLeft(system, descriptors: before)
            }
        }
    }
}
