import Fanout
import Placement
import Primitives
import ReaderPlacement
import ServiceRuntime
import Wire

/// What this Reader reports: its numbers, and the changes of its subscriptions.
final class ReaderReports: ReportSource {
    private let hub: Hub
    private let placement: PlacementService
    private let instance: String
    private let session: String
    private let publicURL: String?
    private let strategy: String
    private let journal = Mutex(SubscriptionDeltas())

    init(hub: Hub, placement: PlacementService, settings: ReaderSettings, process: ServiceProcess) {
        self.hub = hub
        self.placement = placement
        self.instance = process.server.instance
        self.session = process.session
        self.publicURL = settings.registry.publicURL?.text
        strategy = settings.registry.strategy.rawValue
    }

    func makeReport() -> ReaderReport {
        let counters = hub.counters
        let changes = journal.withLock { journal -> SubscriptionDeltas.Changes in
            for (channel, viewers) in hub.takeChanges() {
                if let viewers {
                    journal.subscribed(channel.name)
                    journal.viewers(viewers, of: channel.name)
                } else {
                    journal.unsubscribed(channel.name)
                }
            }
            return journal.next()
        }
        return ReaderReport(
            instanceId: instance, session: session, sequence: changes.sequence, full: changes.full,
            subscribed: changes.subscribed, unsubscribed: changes.unsubscribed, subscriptions: changes.subscriptions,
            viewers: changes.viewers, publicUrl: publicURL, activeConnections: counters.connections,
            totalConnections: counters.connectionsTotal, totalMessagesReceived: counters.messagesReceived,
            totalMessagesSent: counters.messagesSent, disconnects: counters.disconnects.byCode,
            refusals: counters.refusals.byCode, notRedirected: placement.notRedirected,
            extraSubscriptions: hub.extraSubscriptions, placement: strategy,
            deliveryTimes: counters.deliveryTimes)
    }

    func reportAccepted(_ acknowledgement: ReportAcknowledgement) {
        journal.withLock { $0.accepted(resync: acknowledgement.resync) }
    }

    func reportFailed() {
        journal.withLock { $0.failed() }
    }
}

extension Dictionary where Key: RawRepresentable<String>, Value == Int {
    fileprivate var byCode: [String: Int] {
        Dictionary<String, Int>(uniqueKeysWithValues: map { ($0.rawValue, $1) })
    }
}
