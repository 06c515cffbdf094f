import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Wire

/// Asks Chorus's own services over HTTP.
struct ServiceClient: Sendable {
    var node: Node
    var timeout = TimeAmount.seconds(10)

    /// The largest answer that is read: statistics with every channel of a large run.
    static let bytesMax = 256 << 20

    /// The bytes of `GET <path>`.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it does not answer with 200.
    func get(_ path: String) async throws(Failure) -> Data {
        try await execute(HTTPClientRequest(url: node.url + path), expecting: 200)
    }

    struct Answer: Sendable {
        var statistics: Statistics
        var json: Data
    }

    /// Everything that has been reported, with all channels, and as it came.
    func statistics() async throws(Failure) -> Answer {
        let data = try await get("/statistics?full=true")
        do {
            return Answer(statistics: try JSONDecoder().decode(Statistics.self, from: data), json: data)
        } catch {
            throw .unavailable("\(node.name): the answer of /statistics cannot be read: \(error)")
        }
    }

    /// Writes a comment.
    func comment(_ comment: CommentRequest) async throws(Failure) {
        var request = HTTPClientRequest(url: node.url + "/comment")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes((try? JSONEncoder().encode(comment)) ?? Data())
        _ = try await execute(request, expecting: 201)
    }

    private func execute(_ request: HTTPClientRequest, expecting code: UInt) async throws(Failure) -> Data {
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: timeout)
            let body = try await response.body.collect(upTo: ServiceClient.bytesMax)
            guard response.status.code == code else {
                throw Failure.unavailable(
                    "\(node.name): \(request.url) answered \(response.status.code): \(String(buffer: body).prefix(300))"
                )
            }
            return Data(body.readableBytesView)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unavailable("\(node.name): \(request.url) failed: \(error)")
        }
    }
}
