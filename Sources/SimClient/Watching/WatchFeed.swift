internal import Foundation
internal import Wire

/// One person at a screen: what arrives is told in lines.
struct WatchFeed: ViewerFeed {
    struct Snapshot: Sendable {
        var consumed = 0
        /// Of the newest comment.
        var position: Position?
        /// The Reader that was connected to last.
        var reader: String?
        var hasGivenUp = false
    }

    private struct Payload: Decodable {
        var type: String?
        var instance: String?
        var userid: String?
        var comment: String?
        var timestamp: String?
    }

    let userid: String
    let videoid: String
    let say: @Sendable (String) -> Void
    private var parser = EventStreamParser()
    /// What a reconnect sends as `Last-Event-ID`; outlives the connections.
    private var lastEventID = ""
    private var seen = Snapshot()

    init(userid: String, videoid: String, say: @escaping @Sendable (String) -> Void) {
        (self.userid, self.videoid, self.say) = (userid, videoid, say)
    }

    mutating func connect(
        _ viewer: Int, to endpoint: Endpoint, target: String?, avoiding avoided: Endpoint?
    ) -> [UInt8] {
        parser = EventStreamParser()
        seen.reader = endpoint.description
        return RequestText.connect(
            userid: userid, videoid: videoid, lastEventID: lastEventID.isEmpty ? nil : lastEventID, to: endpoint,
            target: target, avoiding: avoided)
    }

    mutating func subscribe(_ viewer: Int) -> ViewerSubscription? {
        parser = EventStreamParser()
        return ViewerSubscription(
            userid: userid, videoid: videoid, since: lastEventID.isEmpty ? nil : lastEventID)
    }

    mutating func received(_ payload: UnsafeRawBufferPointer, _ viewer: Int, at times: FeedTimes) throws -> FeedSignal {
        var signal = FeedSignal()
        for event in try parser.feed(payload) where !signal.sentAway.isAsked { take(event, &signal) }
        if !parser.lastEventID.isEmpty { lastEventID = parser.lastEventID }
        return signal
    }

    private mutating func take(_ event: ServerSentEvent, _ signal: inout FeedSignal) {
        switch event.name {
        case "message": message(event, &signal)
        case "gap":
            let gap = StreamNote.gap(event.data)
            if let from = gap?.from, let to = gap?.to {
                say("-- comments \(from) to \(to) could not be recovered")
            } else {
                say("-- comments before \(printable(event.id)) could not be recovered")
            }
        case "reconnect":
            say("-- the Reader asked to reconnect")
            signal.sentAway = (parser.retryMilliseconds, true)
        default: say("-- \(printable(event.name)): \(printable(event.data))")
        }
    }

    private mutating func message(_ event: ServerSentEvent, _ signal: inout FeedSignal) {
        let payload = try? JSONDecoder().decode(Payload.self, from: Data(event.data.utf8))
        if payload?.type == "connected" {
            signal.isConnected = true
            say("-- connected to \(printable(payload?.instance ?? "a Reader")) at \(printable(event.id))")
        } else if let userid = payload?.userid, let comment = payload?.comment {
            seen.consumed += 1
            seen.position = Position(parsing: event.id)
            let time = printable(payload?.timestamp ?? "")
            say("\(time) [\(printable(event.id))] \(printable(userid)): \(printable(comment))")
        } else {
            say("-- message: \(printable(event.data))")
        }
    }

    mutating func told(_ viewer: Int, _ news: ViewerNews) {
        switch news {
        case .redirected(let location): say("-- sent to \(printable(location))")
        case .refused(let status): say("-- refused with status \(status)")
        case .malformed(let error): say("-- the stream was malformed: \(printable("\(error)"))")
        case .ended(let reason, let milliseconds?): say("-- \(reason); next attempt in \(milliseconds) ms")
        case .ended(let reason, nil):
            say("-- \(reason); gave up")
            seen.hasGivenUp = true
        }
    }

    func snapshot(away: Int) -> Snapshot { seen }

    /// A comment comes from anybody: it must not be able to move the cursor or colour the screen.
    private func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
