import FoundationEssentials
import HTTPTypes
public import Hummingbird
import HummingbirdCore
public import NIOCore
import Wire

extension Request {
    /// Bytes of a JSON body that are accepted unless a route says otherwise.
    public static var jsonBytesMax: Int { 65_536 }

    /// The members of the JSON object in the body.
    ///
    /// - Parameter code: the error code when a field is invalid.
    /// - Throws: ``APIError``: 415 `unsupported_media_type`, 413 `body_too_large`, 400 `malformed_json` or `invalid_utf8`.
    public func jsonFields(code: String, bytesMax: Int = Request.jsonBytesMax) async throws -> RequestFields {
        try RequestFields(jsonBody: await jsonBody(bytesMax: bytesMax), code: code)
    }

    /// A value of `type` from the JSON in the body, for bodies with structure.
    ///
    /// - Throws: ``APIError`` as ``jsonFields(code:bytesMax:)``, and 400 with `code` that names the field that does not fit.
    public func json<Value: Decodable>(
        _ type: Value.Type, code: String, bytesMax: Int = Request.jsonBytesMax
    ) async throws -> Value {
        let body = try await jsonBody(bytesMax: bytesMax)
        do {
            return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        } catch let error as DecodingError {
            throw APIError(error, code: code)
        }
    }

    /// Hands the parts of a body that is no JSON over as they come.
    ///
    /// - Parameter take: what it throws ends the reading, and is thrown.
    /// - Throws: ``APIError``: 413 `body_too_large`.
    public func streamBody(bytesMax: Int, _ take: (ByteBuffer) async throws -> Void) async throws {
        try await BodyCollector(bytesMax: bytesMax).stream(self, take)
    }

    private func jsonBody(bytesMax: Int) async throws -> ByteBuffer {
        guard MediaTypeRule.isJSON(headers[.contentType]) else {
            throw APIError(
                .unsupportedMediaType, code: "unsupported_media_type", "the content type must be application/json")
        }
        return try await BodyCollector(bytesMax: bytesMax).collect(self)
    }
}

extension RequestFields {
    /// The members of a JSON object.
    ///
    /// - Throws: ``APIError``: 400 `malformed_json` or `invalid_utf8`.
    public init(jsonBody body: ByteBuffer, code: String) throws {
        do {
            self.init(try body.withUnsafeReadableBytes { try JSONScanner.object($0) }, code: code)
        } catch let problem as JSONProblem {
            throw APIError.invalid(problem.kind.rawValue, problem.sentence)
        }
    }
}

/// What counts as JSON by its content type: `application/json` with any parameters; the body must be UTF-8 in any case.
enum MediaTypeRule {
    static func isJSON(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        let type = contentType.utf8.prefix { $0 != UInt8(ascii: ";") }.lazy.filter { $0 != 0x20 && $0 != 0x09 }
        return type.elementsEqual("application/json".utf8) { byte, expected in
            byte == expected || (byte >= 0x41 && byte <= 0x5A && byte | 0x20 == expected)
        }
    }
}

extension APIError {
    /// A structure that does not fit, in words that name the field.
    init(_ error: DecodingError, code: String) {
        switch error {
        case .keyNotFound(let key, let context):
            self = .invalid(code, "\(Self.name(context.codingPath + [key])) is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            self = .invalid(code, "\(Self.name(context.codingPath)) is of the wrong type")
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            self = .invalid(code, "\(Self.name(context.codingPath)) is not valid")
        default: self = .invalid(JSONProblem.Kind.malformed.rawValue, "the body is not JSON")
        }
    }

    /// Only names of the schema, at most three: keys of dictionaries come from the client.
    private static func name(_ path: [any CodingKey]) -> String {
        let name = path.prefix(1).map(\.stringValue).joined()
        return name.isEmpty ? "the body" : path.count > 1 ? "something in \(name)" : name
    }
}
