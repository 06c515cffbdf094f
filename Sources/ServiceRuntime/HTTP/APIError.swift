public import HTTPTypes
public import Hummingbird
import Logging
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
    /// What failed, for the log and not for the client.
    public private(set) var cause: String?
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

    /// The same answer; its cause is logged as a warning.
    public func caused(by cause: any Error) -> APIError {
        var error = self
        error.cause = "\(cause)"
        return error
    }

    static let notFound = APIError(.notFound, code: "not_found", "there is no such path")

    static func methodNotAllowed(allowed: String) -> APIError {
        APIError(
            .methodNotAllowed, code: "method_not_allowed", "this path knows other methods", headers: [.allow: allowed])
    }

    /// For unexpected errors: the details go to the log, not to the client.
    static let `internal` = APIError(
        .internalServerError, code: "internal_error", "the service failed to handle this request")

    /// What came is no HTTP, or its framing is broken.
    static let malformedRequest = closing(.badRequest, "malformed_request", "the request is not HTTP/1")
    static let headTooLarge = closing(
        HTTPResponse.Status(code: 431, reasonPhrase: "Request Header Fields Too Large"), "head_too_large",
        "the head of the request is too large")
    static let requestTimeout = closing(.requestTimeout, "request_timeout", "the body did not come in time")
    static let tooManyConnections = {
        var error = unavailable("too_many_connections", "this service has as many connections as it may have")
        error.closesConnection = true
        return error
    }()

    private static func closing(_ status: HTTPResponse.Status, _ code: String, _ sentence: String) -> APIError {
        var error = APIError(status, code: code, sentence)
        error.closesConnection = true
        return error
    }

    public func response(from request: Request, context: some RequestContext) -> Response {
        (context as? ServiceContext)?.monitor?.refused(code)
        if status.code >= 500 {
            var metadata: Logger.Metadata = ["http.path": "\(request.uri.path)", "code": "\(code)"]
            metadata["error"] = cause.map { "\($0)" }
            context.logger.log(level: cause == nil ? .debug : .warning, "request refused", metadata: metadata)
        }
        var fields = headers
        fields[.contentType] = "application/json"
        if closesConnection { fields[.connection] = "close" }
        return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: body))
    }

    /// The bytes of the answer, for a connection that nobody reads. The connection is closed after it.
    var wholeAnswer: [UInt8] {
        let body = body
        let head =
            "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\nContent-Type: application/json\r\n"
            + headers.map { "\($0.name): \($0.value)\r\n" }.joined()
            + "Content-Length: \(body.readableBytes)\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + body.readableBytesView
    }

    var body: ByteBuffer {
        var object = JSONText(capacity: 128)
        object.member("error", sentence)
        object.member("code", code)
        return ByteBuffer(bytes: object.finished())
    }
}

extension APIError: CustomStringConvertible {
    public var description: String { "\(status.code) \(code): \(sentence)" }
}
