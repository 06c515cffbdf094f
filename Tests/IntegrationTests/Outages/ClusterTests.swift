import TestSupport
import Testbed
import Testing
import Wire

extension IntegrationTests {
    /// CommentAPI and a Reader on a cluster of three masters with a replica each.
    @Suite struct ClusterTests {
        private static let videos = (0..<24).map { "v\($0)" }

        /// A master dies while comments are written. Whatever was answered with 201 after its replica had it comes to the
        /// viewers, once and in order; those of the other masters never notice, and the Reader stays ready.
        @Test func aMastersDeathIsARepairOfItsChannels() async throws {
            try await withTestbed { testbed in
                let cluster = try await testbed.startRedisCluster(replicas: 1)
                try await TestSystem.with(cluster.masters[0], url: cluster.url) { system in
                    var viewers: [StreamClient] = []
                    for video in Self.videos { viewers.append(try await system.connectedViewer(of: video)) }
                    var written = Array(repeating: ["first"], count: Self.videos.count)
                    for video in Self.videos { try await system.write("first", to: video) }
                    // Replication is asynchronous: the first comments are to be there for certain.
                    for master in cluster.masters {
                        #expect(await eventually { try await isReplicated(master) })
                    }
                    await cluster.masters[1].kill()
                    // Refused ones are written again until each video has one more.
                    for (index, video) in Self.videos.enumerated() {
                        await expectEventually {
                            let text = "second \(video)"
                            guard try await system.tryToWrite(text, to: video).status == 201 else { return false }
                            written[index].append(text)
                            return true
                        }
                        #expect(try await system.reader.get("/health/ready").status == 200)
                    }
                    for (viewer, texts) in zip(viewers, written) { #expect(try await viewer.comments(2) == texts) }
                }
            }
        }
    }
}
