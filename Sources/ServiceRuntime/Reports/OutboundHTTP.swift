public import AsyncHTTPClient
public import NIOCore
import NIOHTTP1

/// Requests from one service to another.
///
/// One client for the process, on NIO's shared threads, never shut down. It does not retry a refused connection, so that the
/// caller knows at once that the other service is away.
public enum OutboundHTTP {
    /// A status and a body.
    public struct Answer: Sendable {
        public var status: Int
        public var body: ByteBuffer
    }

    private static let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)

    private static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(2)))
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    /// A status and a body that is read as it comes: nothing of it is kept.
    public struct Stream: Sendable {
        public var status: Int
        public var body: HTTPClientResponse.Body
        /// `nil` when the server did not say.
        public var length: Int?
    }

    /// The longest time for a whole streamed answer.
    private static let streamMax = TimeAmount.minutes(5)

    /// - Parameters:
    ///   - authorization: the header field, if any.
    ///   - timeout: from the start to the head of the answer.
    public static func get(_ url: String, authorization: String? = nil, timeout: Duration) async throws -> Stream {
        var request = HTTPClientRequest(url: url)
        if let authorization { request.headers.add(name: "authorization", value: authorization) }
        let asked = request
        let response = try await withThrowingTaskGroup(of: HTTPClientResponse.self) { group in
            group.addTask { try await client.execute(asked, deadline: .now() + streamMax) }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
        return Stream(
            status: Int(response.status.code), body: response.body,
            length: response.headers.first(name: "content-length").flatMap { Int($0) })
    }

    /// Posts JSON.
    ///
    /// - Parameters:
    ///   - authorization: the header field, if any.
    ///   - headers: more of them.
    ///   - timeout: from the start to the last byte of the answer.
    ///   - bytesMax: a larger answer is an error.
    public static func post(
        _ url: String, json: ByteBuffer, authorization: String? = nil, headers: [String: String] = [:],
        timeout: Duration, bytesMax: Int
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        if let authorization { request.headers.add(name: "authorization", value: authorization) }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(json)
        return try await send(request, timeout: timeout, bytesMax: bytesMax)
    }

    private static func send(_ request: HTTPClientRequest, timeout: Duration, bytesMax: Int) async throws -> Answer {
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        let response = try await client.execute(request, deadline: deadline)
        return Answer(status: Int(response.status.code), body: try await response.body.collect(upTo: bytesMax))
    }
}
