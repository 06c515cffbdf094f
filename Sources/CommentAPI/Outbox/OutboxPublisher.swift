import Broker
import Storage
import Wire

/// How the outbox sweep publishes: as often as it likes, and each event once.
struct OutboxPublisher: Sendable {
    let store: any CommentStore
    let broker: any EventLog
    /// Hears of each comment that was published.
    let published: @Sendable (Channel) -> Void

    func publish(_ entry: OutboxEntry) async throws -> Position {
        let id = entry.comment.id
        switch entry.kind {
        case .comment:
            // A comment whose removal is in the history was removed after this sweep had read it.
            let position = try await broker.publishOnce(
                CommentEvents.frame(of: entry.comment), to: entry.channel,
                unless: [CommentEvents.key(ofComment: id), CommentEvents.key(ofRemoval: id)])
            published(entry.channel)
            return position
        case .removal:
            let place = try await store.comment(id: id)?.position
            return try await RemovalPublisher(broker: broker).publish(id, in: entry.channel, at: place)
        }
    }
}
