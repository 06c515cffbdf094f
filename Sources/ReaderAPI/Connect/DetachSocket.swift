import Glibc
import NIOCore
import NIOPosix
import ServiceRuntime

extension Channel {
    /// Takes the connection out of NIO: a viewer then costs a slot in a table instead of a pipeline of handlers and a task.
    /// A stream's head was written before; whoever takes over a WebSocket writes it, so that nothing that the client sends
    /// after it comes here.
    ///
    /// The descriptor is copied and the channel closed in one turn of the event loop: otherwise Hummingbird half-closes
    /// the connection when the response body returns.
    ///
    /// - Parameter adopt: gets a descriptor of its own, without blocking, and owns it; and whether the response is chunked.
    func detachSocket(_ adopt: @escaping @Sendable (Int32, _ isChunked: Bool) -> Void) async throws {
        // A response head that was given to the event loop before: this turn comes after it.
        try await eventLoop.flatSubmit { [self] in
            getOption(.bufferedWritableBytes).flatMapThrowing { [self] buffered in
                guard isActive else { throw DetachError(description: "the client has gone") }
                guard buffered == 0 else {
                    throw DetachError(description: "the client does not read its response head")
                }
                let connection = try pipeline.syncOperations.handler(type: HTTPConnectionHandler.self)
                let isChunked = connection.answersInChunks
                let descriptor = try copyDescriptor()
                close(mode: .all, promise: nil)
                adopt(descriptor, isChunked)
            }
        }.get()
    }

    private func copyDescriptor() throws -> Int32 {
        let copy = try pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            fcntl($0, F_DUPFD_CLOEXEC, 0)
        }
        guard let copy else { throw DetachError(description: "this connection has no socket of its own") }
        guard copy >= 0 else { throw DetachError(description: "no descriptor is left") }
        return copy
    }
}

struct DetachError: Error, CustomStringConvertible {
    let description: String
}
