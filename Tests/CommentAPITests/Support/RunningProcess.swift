import FoundationEssentials
import NIOCore
import Primitives
import ServiceRuntime
import TestSupport
import Testbed
import Testing
import Wire

/// The built CommentAPI as a process of its own.
struct RunningProcess: Sendable {
    let program: Program
    let url: String

    /// Starts it and waits until it is ready.
    init(folder: String, name: String, redis: Node, database: String) async throws {
        let port = try Ports.one()
        program = try await Program(
            "CommentAPI",
            [
                "--port=\(port)", "--host=127.0.0.1", "--redis-url=\(redis.url)", "--database-url=\(database)",
                "--database-statement-timeout-ms=1000", "--outbox-grace-seconds=5", "--outbox-interval-ms=100",
                "--history-length=100000", "--instance-id=\(name)",
            ], folder: folder)
        url = "http://127.0.0.1:\(port)"
        let ready = url + "/health/ready"
        let isReady = await eventually(within: 30) {
            try await OutboundHTTP.get(ready, timeout: .seconds(1)).status == 200
        }
        #expect(isReady, "\(program.log)")
    }

    /// Posts from `writers` tasks, each as fast as it is answered, until the process no longer answers.
    ///
    /// - Returns: the ids that were answered with 201.
    func postUntilItEnds(writers: Int, videos: Int, enough: @escaping @Sendable (Int) -> Void) async -> Set<String> {
        let acknowledged = Acknowledged()
        await withTaskGroup { group in
            for writer in 0..<writers {
                group.addTask {
                    while let id = await post(writer, video: writer % videos) { enough(acknowledged.insert(id)) }
                }
            }
        }
        return acknowledged.ids
    }

    /// `nil` for anything but 201.
    private func post(_ writer: Int, video: Int) async -> String? {
        let body = ByteBuffer(string: #"{"userid":"user\#(writer)","videoid":"v\#(video)","comment":"c"}"#)
        guard
            let answer = try? await OutboundHTTP.post(
                url + "/comment", json: body, timeout: .seconds(10), bytesMax: 65_536), answer.status == 201
        else { return nil }
        return try? JSONDecoder().decode(CommentResponse.self, from: Data(answer.body.readableBytesView)).comment.id
    }
}

private final class Acknowledged: Sendable {
    private let state = Mutex<Set<String>>([])

    var ids: Set<String> { state.withLock { $0 } }

    /// Returns how many there are now.
    func insert(_ id: String) -> Int {
        state.withLock { ids in
            ids.insert(id)
            return ids.count
        }
    }
}
