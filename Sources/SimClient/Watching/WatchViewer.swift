internal import Foundation
internal import Wire

/// One person at a screen: the same way to a Reader as a swarm's viewer, but with the comments' text.
struct WatchViewer: Sendable {
    enum Note: Equatable, Sendable {
        case connected(instance: String?, position: String)
        case comment(userid: String, text: String, timestamp: String, position: String)
        case gap(from: UInt64?, to: UInt64?, position: String)
        /// Any event that is for programs: its name and data.
        case event(name: String, data: String)
        case sentAway
        case redirected(String)
        case refused(status: Int)
        case malformed(String)
    }

    private struct Payload: Decodable {
        var type: String?
        var instance: String?
        var userid: String?
        var comment: String?
        var timestamp: String?
    }

    let limits: ViewerMachine.Limits
    private(set) var machine = ViewerMachine()
    private var response = ResponseReader()
    private var parser = EventStreamParser()
    private var status = 0
    /// What a reconnect sends as `Last-Event-ID`; outlives the connections.
    private(set) var lastEventID = ""

    init(limits: ViewerMachine.Limits = .init()) {
        self.limits = limits
    }

    /// A connection begins.
    mutating func begin() {
        machine.admitted()
        response = ResponseReader()
        parser = EventStreamParser()
        status = 0
    }

    mutating func ended(draw: Double) -> ViewerMachine.Step { machine.ended(limits: limits, draw: draw) }

    mutating func rested() -> Bool { machine.rested() == .queue }

    /// Takes what the connection brought: what there is to say of it, and what to do.
    mutating func received(_ bytes: UnsafeRawBufferPointer, draw: Double) -> (notes: [Note], step: ViewerMachine.Step) {
        var notes: [Note] = []
        var step = ViewerMachine.Step.stay
        do {
            var cursor = 0
            while step == .stay, let part = try response.next(in: bytes, from: &cursor) {
                switch part {
                case .head(let head): step = answered(head, draw: draw, notes: &notes)
                case .body(let range) where status == 200:
                    for event in try parser.feed(bytes.part(range)) where step == .stay {
                        step = take(event, draw: draw, notes: &notes)
                    }
                    lastEventID = parser.lastEventID.isEmpty ? lastEventID : parser.lastEventID
                case .body: break
                }
            }
        } catch {
            notes.append(.malformed("\(error)"))
            step = ended(draw: draw)
        }
        if step == .stay, response.hasEnded { step = ended(draw: draw) }
        return (notes, step)
    }

    private mutating func answered(_ head: ResponseHead, draw: Double, notes: inout [Note]) -> ViewerMachine.Step {
        status = head.status
        let step = machine.answered(head, limits: limits, draw: draw)
        if case .follow(let location) = step {
            notes.append(.redirected(location))
        } else if head.status != 200 {
            notes.append(.refused(status: head.status))
        }
        return step
    }

    private mutating func take(_ event: ServerSentEvent, draw: Double, notes: inout [Note]) -> ViewerMachine.Step {
        switch event.name {
        case "message": notes.append(message(event))
        case "gap":
            let gap = StreamNote.gap(event.data)
            notes.append(.gap(from: gap?.from, to: gap?.to, position: event.id))
        case "reconnect":
            notes.append(.sentAway)
            return machine.sentAway(milliseconds: parser.retryMilliseconds, limits: limits, draw: draw)
        default: notes.append(.event(name: event.name, data: event.data))
        }
        return .stay
    }

    private mutating func message(_ event: ServerSentEvent) -> Note {
        guard let payload = try? JSONDecoder().decode(Payload.self, from: Data(event.data.utf8)) else {
            return .event(name: event.name, data: event.data)
        }
        if payload.type == "connected" {
            machine.connected()
            return .connected(instance: payload.instance, position: event.id)
        }
        guard let userid = payload.userid, let comment = payload.comment else {
            return .event(name: event.name, data: event.data)
        }
        return .comment(userid: userid, text: comment, timestamp: payload.timestamp ?? "", position: event.id)
    }
}
