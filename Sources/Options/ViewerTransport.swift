/// How simulated viewers get their events.
public enum ViewerTransport: String, Sendable, CaseIterable {
    /// `POST /connect`: an event stream.
    case stream
    /// Socket.IO on a WebSocket.
    case socketio
}
