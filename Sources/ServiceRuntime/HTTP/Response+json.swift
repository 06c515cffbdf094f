import FoundationEssentials
public import HTTPTypes
public import Hummingbird
public import NIOCore

extension Response {
    /// An answer of JSON that is already encoded.
    public static func json(_ bytes: some Sequence<UInt8>, status: HTTPResponse.Status = .ok) -> Response {
        .json(ByteBuffer(bytes: bytes), status: status)
    }

    /// An answer of JSON that is already encoded.
    public static func json(_ buffer: ByteBuffer, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, headers: jsonHeaders, body: ResponseBody(byteBuffer: buffer))
    }

    /// An answer of JSON that is written piece by piece.
    public static func json(body: ResponseBody) -> Response {
        Response(status: .ok, headers: jsonHeaders, body: body)
    }

    private static let jsonHeaders: HTTPFields = [.contentType: "application/json"]

    /// Encodes with Foundation, members sorted by name: for answers that are not per event.
    public static func json(encoding value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        .json(try encoded(value), status: status)
    }

    /// The bytes of ``json(encoding:status:)``.
    public static func encoded(_ value: some Encodable) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ByteBuffer(bytes: try encoder.encode(value))
    }
}
