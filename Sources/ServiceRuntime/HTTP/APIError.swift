public import HTTPTypes
public import Hummingbird
import NIOCore
import Wire

/// The error answer to a request: a status, a sentence for people and a code for programs.
///
/// Routes throw it. The body is `{"error":"<sentence>","code":"<code>"}` (``Wire/ErrorBody``), and
/// `chorus_http_refusals_total{code="…"}` counts it.
public struct APIError: HTTPResponseError, Equatable {
    public var status: HTTPResponse.Status
    /// `lower_case_with_underscores`; one of a small fixed set, since it is a label of a metric.
    public var code: String
    /// What is wrong, without the text that the client sent.
    public var sentence: String
    public var headers: HTTPFields
    /// The connection is closed after the answer: the rest of the request is not read.
    var closesConnection = false

    public init(_ status: HTTPResponse.Status, code: String, _ sentence: String, headers: HTTPFields = [:]) {
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = headers
    }

    /// 400: something in the request is invalid.
    public static func invalid(_ code: String, _ sentence: String) -> APIError {
        APIError(.badRequest, code: code, sentence)
    }

    /// 503 with `Retry-After`: the same request will work later.
    public static func unavailable(_ code: String, _ sentence: String, retryAfterSeconds: Int = 1) -> APIError {
        APIError(.serviceUnavailable, code: code, sentence, headers: [.retryAfter: String(retryAfterSeconds)])
    }

    static let notFound = APIError(.notFound, code: "not_found", "there is no such path")

    static func methodNotAllowed(allowed: String) -> APIError {
        APIError(
            .methodNotAllowed, code: "method_not_allowed", "this path knows other methods", headers: [.allow: allowed])
    }

    /// For unexpected errors: the details go to the log, not to the client.
    static let `internal` = APIError(
        .internalServerError, code: "internal_error", "the service failed to handle this request")

    public func response(from request: Request, context: some RequestContext) -> Response {
        (context as? ServiceContext)?.monitor?.refused(code)
        return response(closing: closesConnection ? (context as? ServiceContext)?.channel : nil)
    }

    var body: ByteBuffer {
        var object = JSONText(capacity: 128)
        object.member("error", sentence)
        object.member("code", code)
        return ByteBuffer(bytes: object.finished())
    }

    /// - Parameter channel: is closed after the answer was written.
    private func response(closing channel: (any NIOCore.Channel)?) -> Response {
        let buffer = body
        var fields = headers
        fields[.contentType] = "application/json"
        guard let channel else {
            return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: buffer))
        }
        fields[.connection] = "close"
        let body = ResponseBody(contentLength: buffer.readableBytes) { writer in
            try await writer.write(buffer)
            try await writer.finish(nil)
            channel.close(promise: nil)
        }
        return Response(status: status, headers: fields, body: body)
    }
}

extension APIError: CustomStringConvertible {
    public var description: String { "\(status.code) \(code): \(sentence)" }
}
