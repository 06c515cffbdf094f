/// How simulated viewers get their events.
public enum ViewerTransport: String, Sendable, CaseIterable {
    /// `POST /connect`: an event stream.
    case stream
    /// Socket.IO on a WebSocket.
    case socketio
    /// Socket.IO as its clients begin by themselves: requests that poll, and a WebSocket that takes over from them.
    case websocketPolling = "websocket-polling"
    /// Socket.IO on requests alone.
    case polling

    public static let described =
        "stream; or on Socket.IO: socketio (a WebSocket), websocket-polling (polls, then one), polling."
}
