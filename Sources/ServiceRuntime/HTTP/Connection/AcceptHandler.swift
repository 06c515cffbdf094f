import Glibc
import Logging
import NIOCore

/// Keeps a server alive that is out of descriptors.
///
/// NIO goes on to ask for a connection that it cannot have: the socket stays readable, and its loop spins. Here accepting
/// stops for a moment, one line says why, and a descriptor that was kept back for this takes the waiting connections one
/// after the other, to refuse them.
final class AcceptHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)
    /// Connections that are refused in one turn of the loop.
    private static let refusalsMax = 256
    private static let quiet = TimeAmount.seconds(60)

    private let logger: Logger
    private let monitor: HTTPMonitor
    private let descriptorsMax: Int
    private var reserve: Int32
    private var isPaused = false
    private var loggedAt: NIODeadline?

    init(logger: Logger, monitor: HTTPMonitor, descriptorsMax: Int) {
        self.logger = logger
        self.monitor = monitor
        self.descriptorsMax = descriptorsMax
        reserve = Self.openReserve()
    }

    deinit {
        if reserve >= 0 { close(reserve) }
    }

    private static func openReserve() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(failure.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        // Not passed on: NIO's own handler would stop accepting for a whole second.
        tell(failure)
        refuseWaiting(context)
        guard !isPaused else { return }
        isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in
            isPaused = false
            guard context.channel.isActive else { return }
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    /// One line a minute, however often it happens.
    private func tell(_ failure: IOError) {
        let now = NIODeadline.now()
        if let loggedAt, now < loggedAt + Self.quiet { return }
        loggedAt = now
        logger.warning(
            "no descriptor is left: connections are refused until others close",
            metadata: ["error": "\(String(cString: strerror(failure.errnoCode)))", "descriptors": "\(descriptorsMax)"])
    }

    private func refuseWaiting(_ context: ChannelHandlerContext) {
        let answer = APIError.tooManyConnections.wholeAnswer
        let refused = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self)
        {
            listener in
            var count = 0
            while count < Self.refusalsMax {
                if reserve >= 0 { close(reserve) }
                let client = accept(listener, nil, nil)
                if client >= 0 {
                    Self.refuse(client, answer)
                    count += 1
                }
                reserve = Self.openReserve()
                if client < 0 { break }
            }
            return count
        }
        for _ in 0..<(refused ?? 0) { monitor.refused(APIError.tooManyConnections.code) }
    }

    /// What the client has sent is read first: closing with unread bytes resets the connection, and the answer is lost.
    private static func refuse(_ client: Int32, _ answer: [UInt8]) {
        var request = [UInt8](repeating: 0, count: 16_384)
        _ = recv(client, &request, request.count, Int32(MSG_DONTWAIT))
        _ = answer.withUnsafeBytes {
            send(client, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        }
        shutdown(client, Int32(SHUT_WR))
        close(client)
    }
}

@available(*, unavailable)
extension AcceptHandler: Sendable {}
