public import CoreMetrics
import HTTPTypes
import Primitives

/// Counts and times requests, by route template, method and status.
///
/// The time of a request ends when its answer's head is known: an event stream would otherwise be a request of hours.
public final class HTTPMonitor: Sendable {
    private struct Key: Hashable {
        var route: String
        var method: String
        var status: Int
    }

    private struct Handles {
        var requests: Counter
        var duration: Timer
    }

    private struct State {
        var routes: [Key: Handles] = [:]
        var refusals: [String: (counter: Counter, count: Int)] = [:]
    }

    /// Codes that are told apart; a code is never made from what a client sent, so this is a net, not a limit to be met.
    static let codesMax = 256

    private let factory: any MetricsFactory
    private let state = Mutex(State())

    public init(factory: any MetricsFactory) {
        self.factory = factory
        (factory as? PrometheusRegistry)?.describe(
            "chorus_http_requests", "Requests answered, by route, method and status.")
        (factory as? PrometheusRegistry)?.describe(
            "chorus_http_request_duration", "Time from a request's head to its answer's head.")
        (factory as? PrometheusRegistry)?.describe("chorus_http_refusals", "Requests refused, by error code.")
    }

    /// Refusals since the start, by code.
    public var refusals: [String: Int] {
        state.withLock { $0.refusals.mapValues(\.count) }
    }

    /// Counts a refusal that was answered, or one that never got an answer.
    public func refused(_ code: String) {
        let counter = state.withLock { state -> Counter in
            let code = state.refusals[code] != nil || state.refusals.count < Self.codesMax ? code : "other"
            let known =
                state.refusals[code]
                ?? (Counter(label: "chorus_http_refusals", dimensions: [("code", code)], factory: factory), 0)
            state.refusals[code] = (known.0, known.1 + 1)
            return known.0
        }
        counter.increment()
    }

    /// - Parameter route: the template, never the path as it was sent.
    func answered(route: String, method: HTTPRequest.Method, status: Int, nanoseconds: Int64) {
        let key = Key(route: route, method: Self.known(method), status: status)
        let handles = state.withLock { state -> Handles in
            if let known = state.routes[key] { return known }
            let made = makeHandles(key)
            state.routes[key] = made
            return made
        }
        handles.requests.increment()
        handles.duration.recordNanoseconds(nanoseconds)
    }

    private func makeHandles(_ key: Key) -> Handles {
        let route = [("route", key.route), ("method", key.method)]
        return Handles(
            requests: Counter(
                label: "chorus_http_requests", dimensions: route + [("status", String(key.status))], factory: factory),
            duration: Timer(label: "chorus_http_request_duration", dimensions: route, factory: factory))
    }

    /// A method may be any word; only the usual ones become labels.
    private static func known(_ method: HTTPRequest.Method) -> String {
        switch method {
        case .get, .post, .put, .delete, .head, .options, .patch: method.rawValue
        default: "other"
        }
    }
}
