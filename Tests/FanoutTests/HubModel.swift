import SocketLoop
import Wire

@testable import Fanout

/// Plays the sockets of a loop: keeps what each got, and breaks those that it is told to.
final class RecordingWriter: ViewerWriter {
    private(set) var received: [SocketHandle: [UInt8]] = [:]
    var broken: Set<SocketHandle> = []
    /// The kernel takes what is written only when it is told to; see ``drain(_:)``.
    var isFull = false
    private(set) var waiting: Set<SocketHandle> = []

    func send(_ bytes: [UInt8], to socket: SocketHandle) -> Bool {
        guard !broken.contains(socket) else { return false }
        received[socket, default: []] += bytes
        if isFull { waiting.insert(socket) }
        return true
    }

    func backlogBytes(of socket: SocketHandle) -> Int { waiting.contains(socket) ? 1 : 0 }

    /// The kernel takes what waits. `false`: nothing did.
    func drain(_ socket: SocketHandle) -> Bool { waiting.remove(socket) != nil }

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
struct HubModel {
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

extension HubModel.Expectation {
    fileprivate mutating func take(_ frames: [Frame]) {
        for frame in frames where frame.position.map({ $0.offset > reached }) ?? true { owed += frame.bytes }
    }
}
