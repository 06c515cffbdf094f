import Broker
import FoundationEssentials
import Storage
import Wire

/// The events of a comment, and the keys and names that find them in a channel's history.
///
/// The keys rest on the order of members: a comment's id stands last, where no text of a client can reach, a removal's
/// first. Ids keep the rule of ``Wire/Identifier``, so they need no escapes.
enum CommentEvents {
    private static let dataField = Array("data: ".utf8)
    private static let frameEnd = Array("\n\n".utf8)

    static func frame(of comment: Comment) -> [UInt8] { EventStream.frame(data: comment.json()) }

    static func key(ofComment id: String) -> EventKey {
        EventKey(prefix: dataField, suffix: Array(",\"id\":\"\(id)\"}".utf8) + frameEnd)
    }

    /// - Parameter position: the comment's own place; `nil` when it is not known, because it was never published or no
    ///   longer is in the history.
    static func removal(of id: String, in channel: Channel, at position: Position?) -> [UInt8] {
        let removal = CommentRemoval(id: id, channel: channel, position: position)
        return EventStream.frame(data: removal.json(), event: CommentRemoval.eventName)
    }

    static func key(ofRemoval id: String) -> EventKey {
        EventKey(prefix: "event: \(CommentRemoval.eventName)\ndata: {\"id\":\"\(id)\",".utf8)
    }

    static func frame(ofEdit comment: Comment) -> [UInt8] {
        EventStream.frame(data: CommentEdit.json(of: comment), event: CommentEdit.eventName)
    }

    static func key(ofEdit comment: Comment) -> EventKey {
        EventKey(
            prefix: Array(
                "event: \(CommentEdit.eventName)\ndata: \(CommentEdit.head(of: comment.id, revision: comment.revision))"
                    .utf8))
    }

    static func name(ofComment id: String) -> String { "c:" + id }
    static func name(ofRemoval id: String) -> String { "r:" + id }

    /// The JSON of a comment's event with its place added; `nil` for any other event.
    static func placed(_ event: PlacedEvent) -> [UInt8]? {
        guard let json = json(of: event.payload) else { return nil }
        return json.dropLast()
            + Array(",\"offset\":\(event.position.offset),\"epoch\":\"\(event.position.epoch)\"}".utf8)
    }

    /// `nil` for what is no comment's event.
    static func comment(in payload: [UInt8]) -> Comment? {
        json(of: payload).flatMap { try? JSONDecoder().decode(Comment.self, from: Data($0)) }
    }

    private static func json(of payload: [UInt8]) -> ArraySlice<UInt8>? {
        guard payload.starts(with: dataField) else { return nil }
        let json = payload[dataField.count...].dropLast(frameEnd.count)
        return json.first == UInt8(ascii: "{") && json.last == UInt8(ascii: "}") ? json : nil
    }
}

extension EventLog {
    /// Publishes a removal, then removes the comment from the history.
    ///
    /// In this order, so that a process that dies in between leaves a history whose two events are right together. Doing it again does nothing, for as long as the history holds the removal.
    ///
    /// - Parameter known: the comment's place, if the caller has it.
    /// - Returns: the place of the removal.
    func publishRemoval(of id: String, in channel: Channel, at known: Position?) async throws(BrokerError) -> Position {
        var place = known
        if place == nil { place = try await find(CommentEvents.key(ofComment: id), in: channel)?.position }
        let removal = try await publishOnce(
            CommentEvents.removal(of: id, in: channel, at: place), to: channel,
            unless: [CommentEvents.key(ofRemoval: id)])
        if let place { try await remove(place, from: channel) }
        return removal
    }

    /// Publishes what the outbox holds: as often as the sweep likes, and each event once.
    func publishOnce(_ entry: OutboxEntry) async throws(BrokerError) -> Position {
        let id = entry.comment.id
        switch entry.kind {
        case .comment:
            // A comment whose removal is in the history was removed after this sweep had read it.
            return try await publishOnce(
                CommentEvents.frame(of: entry.comment), to: entry.channel,
                unless: [CommentEvents.key(ofComment: id), CommentEvents.key(ofRemoval: id)])
        case .edit:
            return try await publishOnce(
                CommentEvents.frame(ofEdit: entry.comment), to: entry.channel,
                unless: [CommentEvents.key(ofEdit: entry.comment), CommentEvents.key(ofRemoval: id)])
        case .removal: return try await publishRemoval(of: id, in: entry.channel, at: entry.position)
        }
    }
}
