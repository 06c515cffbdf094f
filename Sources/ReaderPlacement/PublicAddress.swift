package import Logging
internal import NIOCore
internal import NIOPosix
internal import Primitives
package import ServiceRuntime

/// Whether viewers can be sent to this Reader.
package enum ReaderAddress: Equatable, Sendable {
    /// No URL is configured, or it was not looked up yet.
    case unknown
    /// The public URL, whose name resolves.
    case found(String)
    /// Its name does not resolve.
    case lost

    package var url: String? {
        if case .found(let url) = self { url } else { nil }
    }
}

/// Finds out whether the name in this Reader's public URL resolves, as far as this machine can tell. One that does not is
/// not announced: viewers who are redirected there would be lost.
package final class PublicAddress: Sendable {
    private static let recheck = Duration.seconds(10)

    private struct State {
        var checkedAt: ContinuousClock.Instant?
        /// Name servers may take longer than the time between two checks; one lookup at a time.
        var isAsking = false
        var resolves: Bool?
    }

    private let url: ServiceURL
    private let placement: PlacementService
    private let logger: Logger
    private let state = Mutex(State())

    /// `nil` without an address to check.
    package init?(_ url: ServiceURL?, placement: PlacementService, logger: Logger) {
        guard let url else { return nil }
        self.url = url
        self.placement = placement
        self.logger = logger
    }

    /// Looks the name up again from time to time. Returns at once: announcements must not wait for name servers.
    package func check() {
        let isDue = state.withLock { state in
            let isRecent = state.checkedAt.map { ContinuousClock.now - $0 < Self.recheck } ?? false
            guard !state.isAsking, !isRecent else { return false }
            state.isAsking = true
            return true
        }
        guard isDue else { return }
        let (host, port) = (url.host, url.port ?? 80)
        // Numbers need no name server, and are known before the first announcement.
        if (try? SocketAddress(ipAddress: host, port: port)) != nil { return take(true) }
        NIOThreadPool.singleton.submit { [self] pool in
            guard pool == .active else { return }
            take((try? SocketAddress.makeAddressResolvingHost(host, port: port)) != nil)
        }
    }

    private func take(_ resolves: Bool) {
        let before = state.withLock { state in
            defer { state = State(checkedAt: .now, resolves: resolves) }
            return state.resolves
        }
        if !resolves, before != false {
            logger.error(
                "READER_PUBLIC_URL does not resolve; no viewer is sent here", metadata: ["host": "\(url.host)"])
        }
        if resolves, before == false { logger.info("READER_PUBLIC_URL resolves again") }
        placement.setAddress(resolves ? .found(url.text) : .lost)
    }
}
