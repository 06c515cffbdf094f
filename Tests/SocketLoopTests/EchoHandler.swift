import Foundation
import Primitives
import Testing

@testable import SocketLoop

final class EventLog: Sendable {
    struct State: Sendable {
        var received = ""
        var closed: [CloseReason] = []
        var open = 0
        var sent = 0
        var waiting = 0
        var fired = 0
    }

    struct TimedOut: Error {
        let state: State
    }

    private let mutex = Mutex(State())

    var state: State { mutex.withLock { $0 } }
    func change(_ body: (inout State) -> Void) { mutex.withLock { body(&$0) } }

    func wait(until isSo: (State) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while !isSo(state) {
            guard ContinuousClock.now < deadline else { throw TimedOut(state: state) }
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

final class EchoHandler: SocketLoopHandler {
    enum Command: Sendable {
        case adopt(Int32)
        case send([UInt8])
        case sendToFirst([UInt8])
        case schedule(milliseconds: Int)
    }

    private let log: EventLog
    private var sockets: [SocketHandle] = []

    init(_ log: EventLog) { self.log = log }

    func received(_ commands: [Command], sockets table: Sockets) {
        for command in commands {
            switch command {
            case .adopt(let descriptor):
                if let socket = table.adopt(descriptor: descriptor) { sockets.append(socket) }
            case .send(let bytes): send(bytes, to: sockets.last, table)
            case .sendToFirst(let bytes): send(bytes, to: sockets.first, table)
            case .schedule(let milliseconds):
                table.schedule(TimerToken(kind: 1, value: 1), at: table.now + UInt64(milliseconds) * 1_000_000)
            }
        }
        log.change { $0.open = table.count }
    }

    private func send(_ bytes: [UInt8], to socket: SocketHandle?, _ table: Sockets) {
        guard let socket else { return }
        let result: Sockets.SendResult = table.send(bytes, to: socket)
        log.change { state in
            state.sent += 1
            if result == .waiting { state.waiting += 1 }
        }
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        let text = String(decoding: bytes, as: UTF8.self)
        log.change { $0.received += text }
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        log.change { state in
            state.closed.append(reason)
            state.open = sockets.count
        }
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        log.change { $0.fired += 1 }
    }
}

struct Peer {
    let descriptor: Int32

    static func handedTo(_ loop: SocketLoop<EchoHandler>) throws -> Peer {
        var pair: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        _ = fcntl(pair[0], F_SETFL, O_NONBLOCK)
        _ = fcntl(pair[1], F_SETFL, O_NONBLOCK)
        loop.submit(.adopt(pair[0]))
        return Peer(descriptor: pair[1])
    }

    func write(_ text: String) {
        _ = text.utf8.withContiguousStorageIfAvailable { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    func close() { _ = Glibc.close(descriptor) }

    func read(_ count: Int) async throws -> String {
        String(decoding: try await readBytes(count), as: UTF8.self)
    }

    /// Reads until `count` bytes are there, or the other end has closed; at most ten seconds.
    func readBytes(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let deadline = ContinuousClock.now + .seconds(10)
        while all.count < count, ContinuousClock.now < deadline {
            let got = Glibc.read(descriptor, &buffer, min(buffer.count, count - all.count))
            if got == 0 { return all }
            if got > 0 { all += buffer[..<got] } else { try await Task.sleep(for: .milliseconds(1)) }
        }
        return all
    }
}
