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

    private static let jsonHeaders: HTTPFields = [.contentType: "application/json"]

    /// Encodes with Foundation, members sorted by name: for answers that are not per event.
    public static func json(encoding value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return .json(try encoder.encode(value), status: status)
    }
}
