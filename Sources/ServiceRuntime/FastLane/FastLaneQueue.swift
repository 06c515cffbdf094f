import NIOCore
import NIOHTTPTypes

/// Decides for each part of the requests on one connection whether it is the fast route's, or goes on. Pure.
///
/// A connection's answers come in the order of its requests: the fast route takes a request only while none is on its
/// way elsewhere, and what comes while the fast route is at one waits.
struct FastLaneQueue {
    enum Action: Equatable {
        case nothing
        /// To the ordinary routes, in this order.
        case pass([HTTPRequestPart])
        /// The fast route's; if it will not, say ``giveBack()``.
        case serve(ByteBuffer)
    }

    private enum State {
        /// Nothing is under way here.
        case open
        /// An ordinary head came; its body is being gathered.
        case gathering(head: HTTPRequestPart, body: ByteBuffer)
        /// The fast route is at it.
        case serving(head: HTTPRequestPart, body: ByteBuffer)
    }

    private var state = State.open
    /// Parts that came while the fast route was at a request.
    private var held: [HTTPRequestPart] = []
    /// Requests that were passed on and are not answered.
    private(set) var passed = 0
    private let bodyBytesMax: Int

    init(bodyBytesMax: Int) {
        self.bodyBytesMax = bodyBytesMax
    }

    /// The fast route is at a request: no more should be read.
    var isServing: Bool {
        if case .serving = state { true } else { false }
    }

    /// Nobody waits for anything.
    var isIdle: Bool {
        if case .open = state { passed == 0 } else { false }
    }

    mutating func received(_ part: HTTPRequestPart, isOrdinary: (HTTPRequestPart) -> Bool) -> Action {
        switch state {
        case .serving:
            held.append(part)
            return .nothing
        case .open:
            guard case .head = part else { return .pass([part]) }
            guard passed == 0, isOrdinary(part) else {
                passed += 1
                return .pass([part])
            }
            state = .gathering(head: part, body: ByteBuffer())
            return .nothing
        case .gathering(let head, var body):
            state = .open
            switch part {
            case .body(var more) where body.readableBytes + more.readableBytes <= bodyBytesMax:
                if body.readableBytes == 0 { body = more } else { body.writeBuffer(&more) }
                state = .gathering(head: head, body: body)
                return .nothing
            case .end(nil):
                state = .serving(head: head, body: body)
                return .serve(body)
            default:
                passed += 1
                return .pass([head, .body(body), part])
            }
        }
    }

    /// The fast route's answer is written. What waited is to be received now.
    mutating func served() -> [HTTPRequestPart] {
        state = .open
        defer { held = [] }
        return held
    }

    /// The fast route will not: the request goes on, and what waited behind it too.
    mutating func giveBack() -> [HTTPRequestPart] {
        guard case .serving(let head, let body) = state else { return [] }
        let parts = [head, .body(body), .end(nil)] + held
        passed += parts.count { if case .head = $0 { true } else { false } }
        state = .open
        held = []
        return parts
    }

    /// An ordinary route's answer has ended.
    mutating func answered() { passed = max(0, passed - 1) }
}
