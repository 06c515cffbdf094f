import HTTPTypes
import ServiceRuntime
import Wire

extension IdempotencyKey {
    static let header = "Idempotency-Key"
    static let name = HTTPField.Name(header)

    static func read(_ headers: HTTPFields) throws(APIError) -> IdempotencyKey? {
        guard let name, let text = headers[name] else { return nil }
        guard let key = IdempotencyKey(text) else {
            throw .invalid(CommentRoutes.invalid, "Idempotency-Key must be \(expected)")
        }
        return key
    }
}
