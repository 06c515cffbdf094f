import SocketLoop
import Wire

@testable import Fanout

/// Doubles of a loop's sockets: they keep what each got, in time that the test sets.
final class RecordingSockets: ViewerSockets {
    var now: UInt64 = 1_000_000_000
    private(set) var received: [SocketHandle: [UInt8]] = [:]
    private(set) var timers: [(token: TimerToken, at: UInt64)] = []
    var report = LoopReport()
    /// The kernel takes what is written only when it is told to; see ``drain(_:)``.
    var isFull = false
    private(set) var waiting: Set<SocketHandle> = []
    private var tags: [SocketHandle: UInt32] = [:]

    func makeLoop(_ settings: FanoutLoopSettings = .init()) -> FanoutLoop<RecordingSockets> {
        FanoutLoop(settings: settings) { [unowned self] in
            report.departures += $0.departures
            report.events += $0.events
            report.messages += $0.messages
            report.writes += $0.writes
            report.conflated += $0.conflated
            report.rounds += $0.rounds
            report.endings += $0.endings
        }
    }

    /// Descriptors are the indexes of the sockets.
    func adopt(descriptor: Int32, tag: UInt32) -> SocketHandle? {
        let socket = SocketHandle(index: UInt32(descriptor), generation: 0)
        tags[socket] = tag
        return socket
    }

    func tag(of socket: SocketHandle) -> UInt32? { tags[socket] }
    func close(_ socket: SocketHandle) { tags[socket] = nil }
    func forEach(_ body: (SocketHandle) -> Void) {
        for socket in tags.keys.sorted(by: { $0.index < $1.index }) { body(socket) }
    }
    func schedule(_ token: TimerToken, at deadline: UInt64) { timers.append((token, deadline)) }

    func send(_ bytes: [UInt8], to socket: SocketHandle) -> Sockets.SendResult {
        received[socket, default: []] += bytes
        guard isFull else { return .sent }
        waiting.insert(socket)
        return .waiting
    }

    func backlogBytes(of socket: SocketHandle) -> Int { waiting.contains(socket) ? 1 : 0 }

    /// The kernel takes what waits. `false`: nothing did.
    func drain(_ socket: SocketHandle) -> Bool { waiting.remove(socket) != nil }

    /// Takes the timers that are due by `time`, which becomes now.
    func takeTimers(until time: UInt64) -> [TimerToken] {
        now = time
        defer { timers.removeAll { $0.at <= time } }
        return timers.filter { $0.at <= time }.map(\.token)
    }

    func text(of socket: SocketHandle) -> String { String(decoding: body(of: socket), as: UTF8.self) }

    /// The bodies of the chunks, put together.
    func body(of socket: SocketHandle) -> [UInt8] {
        var rest = (received[socket] ?? [])[...]
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\r")) {
            let count = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16) ?? 0
            let start = end + 2
            body += rest[start..<(start + count)]
            rest = rest[(start + count + 2)...]
        }
        return body
    }
}

/// What a loop must do, said as simply as possible: each viewer has a list of what it is owed.
struct LoopModel {
    struct Expectation {
        var topic: TopicID
        var owed: [UInt8] = []
        /// Frames that came while its history was being read.
        var held: [Frame]?
        /// It has everything up to here from elsewhere.
        var reached: UInt64 = 0
    }

    var viewers: [ViewerID: Expectation] = [:]

    mutating func append(_ frame: Frame, to topic: TopicID) {
        for (id, viewer) in viewers where viewer.topic == topic {
            if viewer.held != nil { viewers[id]?.held?.append(frame) } else { viewers[id]?.take([frame]) }
        }
    }

    mutating func release(_ id: ViewerID, history: [Frame], through offset: UInt64) {
        guard let held = viewers[id]?.held else { return }
        viewers[id]?.held = nil
        viewers[id]?.owed += history.flatMap(\.bytes)
        viewers[id]?.reached = offset
        viewers[id]?.take(held)
    }
}

extension LoopModel.Expectation {
    fileprivate mutating func take(_ frames: [Frame]) {
        for frame in frames where frame.position.map({ $0.offset > reached }) ?? true { owed += frame.bytes }
    }
}
