import Broker
import Wire

/// Brings a removal to a channel: tells the viewers, then takes the comment out of the history.
///
/// In this order, so that a process that dies in between leaves a history whose two events still say the right thing
/// together. Doing it again does nothing, for as long as the history holds the removal.
struct RemovalPublisher: Sendable {
    let broker: any EventLog

    /// - Parameter known: the comment's place, if the caller has it.
    /// - Returns: the place of the removal.
    func publish(_ id: String, in channel: Channel, at known: Position?) async throws(BrokerError) -> Position {
        var place = known
        if place == nil { place = try await broker.find(CommentEvents.key(ofComment: id), in: channel)?.position }
        let removal = try await broker.publishOnce(
            CommentEvents.removal(of: id, in: channel, at: place), to: channel,
            unless: [CommentEvents.key(ofRemoval: id)])
        if let place { try await broker.remove(place, from: channel) }
        return removal
    }
}
