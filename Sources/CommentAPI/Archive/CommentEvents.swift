import Broker
import FoundationEssentials
import Wire

/// The log events of a comment, and how they are told apart in a channel's history.
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
        let removal = CommentRemoval(id: id, videoid: channel.id, position: position)
        return EventStream.frame(data: removal.json(), event: CommentRemoval.eventName)
    }

    static func key(ofRemoval id: String) -> EventKey {
        EventKey(prefix: "event: \(CommentRemoval.eventName)\ndata: {\"id\":\"\(id)\",".utf8)
    }

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
