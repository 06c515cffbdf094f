import AsyncHTTPClient
public import Foundation
public import NIOCore
public import NIOHTTP1
public import Wire

/// Asks Chorus's own services over HTTP.
public struct ServiceClient: Sendable {
    public var node: Node
    public var timeout: TimeAmount

    public init(_ node: Node, timeout: TimeAmount = .seconds(10)) {
        self.node = node
        self.timeout = timeout
    }

    /// The largest answer that is read: statistics with every channel of a large run.
    public static let bytesMax = 256 << 20

    /// The bytes of `GET <path>`.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when it does not answer with 200.
    public func get(_ path: String) async throws(Failure) -> Data {
        try await send(.GET, path, expecting: 200)
    }

    public struct Answer: Sendable {
        public var statistics: Statistics
        public var json: Data
    }

    /// Everything that has been reported, and as it came.
    ///
    /// - Parameter allChannels: otherwise lists are cut, see ``Statistics/listMax``: with 90,000 channels on 64 Readers the
    ///   whole answer has tens of megabytes.
    public func statistics(allChannels: Bool = true) async throws(Failure) -> Answer {
        let data = try await get(allChannels ? "/statistics?full=true" : "/statistics")
        do {
            return Answer(statistics: try JSONDecoder().decode(Statistics.self, from: data), json: data)
        } catch {
            throw .unavailable("\(node.name): the answer of /statistics cannot be read: \(error)")
        }
    }

    /// Writes a comment.
    public func comment(_ comment: CommentRequest) async throws(Failure) {
        _ = try await send(.POST, "/comment", try? JSONEncoder().encode(comment), expecting: 201)
    }

    /// The status and the body of the answer to a request, whatever they are.
    ///
    /// - Parameters:
    ///   - body: `nil` for none.
    ///   - token: sent as the request's bearer token.
    public func send(
        _ method: HTTPMethod, _ path: String, _ body: Data? = nil, type: String = "application/json",
        token: String? = nil
    ) async throws(Failure) -> (status: UInt, body: Data) {
        var request = HTTPClientRequest(url: node.url + path)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let body {
            request.headers.add(name: "content-type", value: type)
            request.body = .bytes(body)
        }
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: timeout)
            let body = try await response.body.collect(upTo: ServiceClient.bytesMax)
            return (response.status.code, Data(body.readableBytesView))
        } catch {
            throw .unavailable("\(node.name): \(request.url) failed: \(error)")
        }
    }

    private func send(
        _ method: HTTPMethod, _ path: String, _ body: Data? = nil, expecting status: UInt
    ) async throws(Failure) -> Data {
        let answer = try await send(method, path, body)
        guard answer.status == status else {
            let text = String(decoding: answer.body.prefix(300), as: UTF8.self)
            throw .unavailable("\(node.name): \(node.url)\(path) answered \(answer.status): \(text)")
        }
        return answer.body
    }
}
