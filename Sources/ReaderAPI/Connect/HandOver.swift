import Glibc
import NIOCore
import NIOPosix

/// Takes a connection out of NIO after the head of its response was written.
///
/// A viewer then costs a slot in a table instead of a pipeline of handlers and a task. Copy and close happen in one
/// turn of the event loop: otherwise Hummingbird half-closes the connection when the response body returns.
enum HandOver {
    struct Impossible: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter adopt: gets a descriptor of its own, without blocking, and owns it.
    static func takeSocket(of channel: any Channel, _ adopt: @escaping @Sendable (Int32) -> Void) async throws {
        // The head was given to the event loop before this closure was called, so this turn comes after it.
        try await channel.eventLoop.flatSubmit {
            channel.getOption(.bufferedWritableBytes).flatMapThrowing { buffered in
                guard channel.isActive else { throw Impossible(description: "the client has gone") }
                guard buffered == 0 else { throw Impossible(description: "the client does not read its response head") }
                let descriptor = try copyDescriptor(of: channel)
                channel.close(mode: .all, promise: nil)
                adopt(descriptor)
            }
        }.get()
    }

    private static func copyDescriptor(of channel: any Channel) throws -> Int32 {
        let copy = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            fcntl($0, F_DUPFD_CLOEXEC, 0)
        }
        guard let copy else { throw Impossible(description: "this connection has no socket of its own") }
        guard copy >= 0 else { throw Impossible(description: "no descriptor is left") }
        return copy
    }
}
