import HTTPTypes
import Identity
import NIOCore
import ServiceRuntime
import Wire

/// Carries a client's comments and likes to the APIs that take them, in the client's name.
struct WriteForwarder: Sendable {
    enum Write: String {
        case comment, like, unlike
    }

    let commentAPI: ServiceURL?
    let likeAPI: ServiceURL?

    private static let timeout = Duration.seconds(10)
    private static let answerBytesMax = 65_536
    private static let attempts = 2

    /// The JSON that the API answers, whatever its status is.
    ///
    /// - Parameters:
    ///   - key: the same for every attempt, so that a comment whose answer was lost is not there twice.
    func send(
        _ write: Write, _ body: [UInt8], token: String?, key: IdempotencyKey, address: IPAddress?
    ) async throws(APIError) -> [UInt8] {
        guard let api = write == .comment ? commentAPI : likeAPI else { throw .notForwarded }
        var headers = ["idempotency-key": key.id]
        if let address { headers["x-forwarded-for"] = address.text }
        for attempt in 1...Self.attempts {
            do {
                let answer = try await OutboundHTTP.post(
                    api.appending(path: "/" + write.rawValue), json: ByteBuffer(bytes: body),
                    authorization: token.map { "Bearer " + $0 }, headers: headers, timeout: Self.timeout,
                    bytesMax: Self.answerBytesMax)
                let isObject = answer.body.withUnsafeReadableBytes { (try? JSONScanner.object($0)) != nil }
                if isObject { return Array(answer.body.readableBytesView) }
                throw APIError.unanswered
            } catch {
                if attempt == Self.attempts || error is CancellationError { break }
            }
        }
        throw .unanswered
    }
}

extension APIError {
    fileprivate static let notForwarded = APIError(
        .notImplemented, code: "not_forwarded", "this Reader does not know the service that takes this")
    fileprivate static let unanswered = APIError.unavailable(
        "service_unavailable", "the service that takes this does not answer; whether it did something is not known")
}
