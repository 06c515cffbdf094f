import Fanout
import ServiceRuntime
import Synchronization
import Wire

/// A connect between its admission and the hand-over of its socket. Whatever happens in between (the client goes away,
/// the response is never written), the place is given back when the last reference goes.
final class PendingConnect: Sendable {
    private let hub: Hub
    private let ticket: Mutex<Ticket?>

    init(hub: Hub, channels: [Channel]) async throws(APIError) {
        self.hub = hub
        do {
            let ticket = try await hub.join(channels)
            self.ticket = Mutex(ticket)
        } catch {
            throw APIError(error)
        }
    }

    deinit {
        if let ticket = ticket.withLock({ $0 }) { hub.release(ticket) }
    }

    /// Gives the socket to the hub, which owns it from here on.
    func attach(descriptor: Int32, from point: ResumePoint, hello: [UInt8]) {
        let ticket = ticket.withLock { ticket -> Ticket? in
            defer { ticket = nil }
            return ticket
        }
        guard let ticket else { return }
        hub.attach(descriptor: descriptor, ticket: ticket, from: point, hello: hello)
    }
}

extension APIError {
    /// Every refusal of the hub passes, here or on another Reader.
    fileprivate init(_ refusal: HubRefusal) {
        let sentence =
            switch refusal {
            case .brokerUnavailable: "the channel cannot be subscribed now"
            case .tooManyConnections: "this Reader has as many connections as it may have"
            case .tooManyChannels: "this Reader has as many channels as it may have"
            case .draining: "this Reader is stopping"
            }
        self = .unavailable(refusal.rawValue, sentence)
    }
}
