internal import CKernel

/// Why a socket ended, when it was not its owner who closed it.
public enum CloseReason: Hashable, Sendable {
    /// The peer closed or half-closed its side.
    case peerClosed
    /// The peer reset the connection, or vanished until the kernel gave up.
    case reset
    /// A connection could not be made.
    case connectFailed(errno: Int32)
    /// The peer reads more slowly than is sent, and what waits for it is over the bound.
    case slowConsumer
    /// Any other error of the socket.
    case failed(errno: Int32)

    /// The reason behind the errno of a read or a write.
    init(errno: Int32) {
        switch errno {
        case EPIPE, ECONNRESET, ETIMEDOUT: self = .reset
        default: self = .failed(errno: errno)
        }
    }
}
