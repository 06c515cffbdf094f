/// Why a request to an Engine.IO server is refused: the numbers that its clients know.
public enum EngineIOError: Int, Error, Sendable {
    case unknownTransport = 0
    case unknownSession = 1
    case badHandshakeMethod = 2
    case badRequest = 3
    case forbidden = 4
    case unsupportedVersion = 5

    public var status: Int { self == .forbidden ? 403 : 400 }

    public var message: String {
        switch self {
        case .unknownTransport: "Transport unknown"
        case .unknownSession: "Session ID unknown"
        case .badHandshakeMethod: "Bad handshake method"
        case .badRequest: "Bad request"
        case .forbidden: "Forbidden"
        case .unsupportedVersion: "Unsupported protocol version"
        }
    }

    public var body: String { #"{"code":\#(rawValue),"message":"\#(message)"}"# }
}
