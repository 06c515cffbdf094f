public import HTTPTypes
public import NIOCore

/// A route for the most ordinary form of one kind of request, answered on the event loop of its connection.
///
/// It stands in front of the router and takes nothing but what it can serve: anything unusual, and anything that cannot
/// be done now, goes on to the ordinary route as it came, which says what is wrong with it. A request that it gives back
/// after it has tried must therefore be one that may be made twice.
public protocol FastRoute: Sendable {
    var method: HTTPRequest.Method { get }
    /// The whole path, without parameters; also the template that metrics name.
    var path: String { get }
    /// Longer bodies are not ordinary.
    var bodyBytesMax: Int { get }

    /// Fields that ask for something which only the ordinary route does, beside those that always do.
    var unusualFields: [HTTPField.Name] { get }

    /// Serves a request with this JSON body.
    ///
    /// - Parameter reply: to be called once, from any thread.
    /// - Returns: `false` when the body is not ordinary; then `reply` must not be called.
    func serve(_ body: ByteBuffer, reply: @escaping @Sendable (FastReply) -> Void) -> Bool
}

extension FastRoute {
    public var unusualFields: [HTTPField.Name] { [] }
}

/// What a ``FastRoute`` says to a request.
public enum FastReply: Sendable {
    /// A status, and JSON.
    case answer(HTTPResponse.Status, ByteBuffer)
    case refusal(Refusal)
    /// The ordinary route does it from the beginning.
    case giveBack
}
