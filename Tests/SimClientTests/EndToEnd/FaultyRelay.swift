import Foundation
import SocketLoop
import Wire

@testable import SimClient

/// Stands between a Reader and its viewers, and does on every second connection what a broken service might do.
final class FaultyRelay: SocketLoopHandler {
    enum Fault: String, CaseIterable, Sendable {
        case none
        /// Of all comments, on any connection.
        case dropsOneInTenThousand
        case swapsTwo
        case altersAByte
        /// A viewer that comes back gets again what it had.
        case repeatsAfterReconnect
        /// Comments stand under the next offset.
        case liesAboutOffsets
        /// Nothing comes behind the third comment; heartbeats do.
        case forgetsATail
        /// The first comment behind the greeting is missing.
        case subscribesLate
        /// The greeting names a position that is not reached yet, and what comes up to it is left out.
        case joinsBeyond
        /// Nothing comes any more, and the connection stays.
        case stopsHeartbeats
        /// A viewer that comes back gets what is new, and not what it missed.
        case skipsSilently
        /// Counts of photos are one too high.
        case countsWrongly
    }

    enum Command: Sendable {
        case adopt(Int32)
    }

    private struct Pair {
        var client: SocketHandle
        var server: SocketHandle?
        var request: [UInt8] = []
        var response = ResponseScanner()
        var rest: [UInt8] = []
        var isFaulty = false
        var isOpen = false
        var isResumed = false
        var comments = 0
        var held: [UInt8]?
        /// The offset up to which nothing is sent.
        var hiddenThrough: UInt64 = 0
    }

    private static let beatNanoseconds: UInt64 = 200_000_000

    private let fault: Fault
    private let upstream: SocketAddress
    private var pairs: [UInt32: Pair] = [:]
    private var connections: UInt32 = 0
    private var comments = 0

    init(fault: Fault, upstream: SocketAddress) {
        self.fault = fault
        self.upstream = upstream
    }

    func received(_ commands: [Command], sockets: Sockets) {
        if connections == 0, !commands.isEmpty { beat(sockets) }
        for case .adopt(let descriptor) in commands {
            connections += 1
            guard let client = sockets.adopt(descriptor: descriptor, tag: connections * 2) else { continue }
            pairs[connections] = Pair(client: client, isFaulty: connections % 2 == 1)
            pairs[connections]?.server = sockets.connect(to: upstream, tag: connections * 2 + 1)
        }
    }

    private func beat(_ sockets: Sockets) {
        sockets.schedule(TimerToken(kind: 0, value: 0), at: sockets.now + Self.beatNanoseconds)
    }

    func timerFired(_ token: TimerToken, sockets: Sockets) {
        for pair in pairs.values where pair.isOpen {
            if pair.isFaulty, fault == .stopsHeartbeats { continue }
            _ = sockets.send(chunk(EventStream.heartbeat), to: pair.client)
        }
        beat(sockets)
    }

    func socketConnected(_ socket: SocketHandle, sockets: Sockets) {
        guard let number = sockets.tag(of: socket).map({ $0 / 2 }) else { return }
        forward(number, sockets)
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        guard let pair = pairs.removeValue(forKey: tag / 2) else { return }
        sockets.close(pair.client)
        if let server = pair.server { sockets.close(server) }
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        guard let tag = sockets.tag(of: socket) else { return }
        let number = tag / 2
        if tag % 2 == 0 {
            pairs[number]?.request.append(contentsOf: bytes)
            forward(number, sockets)
        } else {
            answer(number, bytes, sockets)
        }
    }

    // MARK: Requests

    private func forward(_ number: UInt32, _ sockets: Sockets) {
        guard var pair = pairs[number], let server = pair.server, !pair.request.isEmpty else { return }
        var text = String(decoding: pair.request, as: UTF8.self)
        if let header = text.firstMatch(of: /Last-Event-ID: (\d+)\.(\w+)\r\n/), let offset = UInt64(header.1) {
            pair.isResumed = true
            switch fault {
            case .repeatsAfterReconnect:
                text.replaceSubrange(header.range, with: "Last-Event-ID: \(offset - 1).\(header.2)\r\n")
            case .skipsSilently: text.removeSubrange(header.range)
            default: break
            }
        }
        pair.request = []
        pairs[number] = pair
        _ = sockets.send(Array(text.utf8), to: server)
    }

    // MARK: Streams

    private func answer(_ number: UInt32, _ bytes: UnsafeRawBufferPointer, _ sockets: Sockets) {
        guard var pair = pairs[number] else { return }
        var cursor = 0
        while let part = try? pair.response.next(in: bytes, from: &cursor) {
            switch part {
            case .head:
                pair.isOpen = true
                _ = sockets.send(responseHead, to: pair.client)
            case .body(let range): pair.rest.append(contentsOf: bytes[range])
            }
        }
        var frames: [[UInt8]] = []
        while let end = pair.rest.withUnsafeBytes({ $0.frameEnd(from: 0) }) {
            frames.append(Array(pair.rest[..<end]))
            pair.rest.removeFirst(end)
        }
        let out = frames.flatMap { passOn($0, &pair) }
        if !out.isEmpty { _ = sockets.send(chunk(out), to: pair.client) }
        let isCut = fault == .repeatsAfterReconnect || fault == .skipsSilently
        if isCut, pair.isFaulty, !pair.isResumed, pair.comments >= 3 {
            sockets.close(pair.client)
            if let server = pair.server { sockets.close(server) }
            pairs[number] = nil
        } else {
            pairs[number] = pair
        }
    }

    private func passOn(_ frame: [UInt8], _ pair: inout Pair) -> [UInt8] {
        switch frame.withUnsafeBytes({ EventFrame($0) }) {
        case .connected(let position?) where pair.isFaulty && fault == .joinsBeyond && !pair.isResumed:
            pair.hiddenThrough = position.offset + 3
            return makeConnected(at: Position(offset: pair.hiddenThrough, epoch: "k3f9"))
        case .comment(let offset, _):
            comments += 1
            pair.comments += 1
            if fault == .dropsOneInTenThousand { return comments % 10_000 == 5_000 ? [] : frame }
            return pair.isFaulty ? faulty(frame, offset, &pair) : frame
        case .state where pair.isFaulty && fault == .countsWrongly:
            let text = String(decoding: frame, as: UTF8.self)
            return Array(text.replacing(/"count":(\d+)/) { "\"count\":\((Int($0.1) ?? 0) + 1)" }.utf8)
        default: return frame
        }
    }

    private func faulty(_ frame: [UInt8], _ offset: UInt64, _ pair: inout Pair) -> [UInt8] {
        switch fault {
        case .swapsTwo where pair.comments == 2:
            pair.held = frame
            return []
        case .swapsTwo:
            defer { pair.held = nil }
            return frame + (pair.held ?? [])
        case .altersAByte where pair.comments == 2: return FakeService.altered(frame)
        case .liesAboutOffsets where pair.comments > 1:
            let text = String(decoding: frame, as: UTF8.self)
            return Array(text.replacing(/^id: \d+/, with: "id: \(offset + 1)").utf8)
        case .forgetsATail: return pair.comments > 3 ? [] : frame
        case .subscribesLate: return pair.comments == 1 ? [] : frame
        case .joinsBeyond: return offset <= pair.hiddenThrough ? [] : frame
        case .stopsHeartbeats: return []
        default: return frame
        }
    }
}

@available(*, unavailable)
extension FaultyRelay: Sendable {}

/// Runs `body` with the URL of a relay in front of a service.
func withRelay<Result>(
    _ fault: FaultyRelay.Fault, to service: RunningService, _ body: (String) async throws -> Result
) async throws -> Result {
    let upstream = try SocketAddress(resolving: "127.0.0.1", port: service.port)
    return try await withListener(
        makeHandler: { FaultyRelay(fault: fault, upstream: upstream) }, adopt: { .adopt($0) }
    ) { port in try await body("http://127.0.0.1:\(port)") }
}
