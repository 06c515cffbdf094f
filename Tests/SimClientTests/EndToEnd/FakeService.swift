import Foundation
import Primitives
import SocketLoop
import Wire

@testable import SimClient

/// Reader, CommentAPI and StatsAPI in one, on a socket loop: just enough of each to test a swarm against, and faults
/// on demand.
final class FakeService: SocketLoopHandler {
    struct Faults: Sendable {
        /// The first so many connects are answered with 503 and `Retry-After: 0`.
        var refusals = 0
        /// The first so many connects are sent to this address.
        var redirects = 0
        var redirectTo = ""
        /// This offset is not sent to every other viewer of a channel, the first one included. Not by the number of the
        /// connection: those of the publisher come between, and nobody knows in which order.
        var lostOffset: UInt64?
        /// This offset is sent twice to the same viewers.
        var repeatedOffset: UInt64?
        /// The text of this offset is sent with another byte: to everybody, or to the same viewers.
        var alteredOffset: UInt64?
        var altersForAll = false
        /// In place of this offset everybody gets a comment that nobody wrote; the written one follows it.
        var foreignOffset: UInt64?
        /// The answer for this offset names the next one.
        var misplacedOffset: UInt64?
        /// All viewers are cut when this offset was published, and get the rest when they come back.
        var cutAt: UInt64?
        /// All viewers are asked to reconnect when this offset was published.
        var reconnectAt: UInt64?
        /// Chunks are written in portions of so many bytes.
        var portionBytes: Int?
        /// Comments are answered with this status instead of 201.
        var commentStatus: Int?
        /// Speaks no protocol of ours: GET, no `connected` event, ids that are no positions, 202 without a body.
        var isPlain = false
    }

    enum Command: Sendable {
        case adopt(Int32)
    }

    struct Seen: Sendable {
        var connects = 0
        var resumes = 0
        /// Connects that brought the query of the redirect along.
        var hops = 0
        var comments = 0
        /// Frames that ``Faults/lostOffset`` kept from a viewer.
        var withheld = 0
        var reports: [[UInt8]] = []
    }

    private struct Stream {
        var frames: [[UInt8]] = []
        var viewers: [SocketHandle] = []
    }

    private let faults: Faults
    private let seen: SeenBox
    private var requests: [SocketHandle: [UInt8]] = [:]
    private var streams: [String: Stream] = [:]
    private var likers: [String: Set<String>] = [:]
    private var versions = 0
    private var connections: UInt32 = 0
    private var refused = 0
    private var redirected = 0

    final class SeenBox: Sendable {
        let value = Mutex(Seen())
    }

    init(faults: Faults, seen: SeenBox) {
        self.faults = faults
        self.seen = seen
    }

    func received(_ commands: [Command], sockets: Sockets) {
        for case .adopt(let descriptor) in commands {
            connections += 1
            _ = sockets.adopt(descriptor: descriptor, tag: connections)
        }
    }

    func socketClosed(_ socket: SocketHandle, tag: UInt32, reason: CloseReason, sockets: Sockets) {
        requests[socket] = nil
        for name in streams.keys { streams[name]?.viewers.removeAll { $0 == socket } }
    }

    func received(_ bytes: UnsafeRawBufferPointer, from socket: SocketHandle, sockets: Sockets) {
        requests[socket, default: []].append(contentsOf: bytes)
        let text = String(decoding: requests[socket] ?? [], as: UTF8.self)
        guard let head = text.range(of: "\r\n\r\n"), let length = FakeService.contentLength(of: text),
            text[head.upperBound...].utf8.count >= length
        else { return }
        requests[socket] = nil
        let body = Data(text[head.upperBound...].utf8)
        if faults.isPlain {
            plain(socket, text, body, sockets)
        } else if text.contains(" /v1/likes ") {
            like(socket, text.hasPrefix("POST "), body, sockets)
        } else if text.hasPrefix("GET /connect?"), let photos = text.firstMatch(of: /photoids=([^& ]+)/) {
            _ = sockets.send(responseHead, to: socket)
            for photo in photos.1.split(separator: ",").map(String.init) {
                streams[photo, default: Stream()].viewers.append(socket)
                write(countEvent(photo), socket, sockets)
            }
        } else if text.hasPrefix("POST /connect ") || text.hasPrefix("POST /connect?") {
            connect(socket, String(text[..<head.lowerBound]), body, sockets)
        } else if text.hasPrefix("POST /comment ") {
            comment(socket, body, sockets)
        } else {
            seen.value.withLock { $0.reports.append(Array(body)) }
            answer(socket, 200, "{}", sockets)
        }
    }

    private static func contentLength(of text: String) -> Int? {
        text.hasPrefix("GET ") ? 0 : text.firstMatch(of: /Content-Length: (\d+)/).flatMap { Int($0.1) }
    }

    private func answer(_ socket: SocketHandle, _ status: Int, _ body: String, headers: String = "", _ sockets: Sockets)
    {
        let text = "HTTP/1.1 \(status) X\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        _ = sockets.send(Array(text.utf8), to: socket)
    }

    private func write(_ payload: [UInt8], _ socket: SocketHandle, _ sockets: Sockets) {
        var rest = chunk(payload)[...]
        while let portion = faults.portionBytes, rest.count > portion {
            _ = sockets.send(Array(rest.prefix(portion)), to: socket)
            rest = rest.dropFirst(portion)
        }
        _ = sockets.send(Array(rest), to: socket)
    }
}

// MARK: - Reader

extension FakeService {
    private func connect(_ socket: SocketHandle, _ head: String, _ body: Data, _ sockets: Sockets) {
        guard let request = try? JSONDecoder().decode([String: String].self, from: body) else { return }
        if refused < faults.refusals {
            refused += 1
            return answer(socket, 503, "{}", headers: "Retry-After: 0\r\n", sockets)
        }
        if redirected < faults.redirects {
            redirected += 1
            return answer(socket, 307, "", headers: "Location: \(faults.redirectTo)/connect?hop=1\r\n", sockets)
        }
        let last = head.firstMatch(of: /Last-Event-ID: (\S+)/).flatMap { Position(parsing: $0.1) }
        seen.value.withLock {
            $0.connects += 1
            if last != nil { $0.resumes += 1 }
            if head.hasPrefix("POST /connect?hop=1 ") { $0.hops += 1 }
        }
        let name = request["videoid"] ?? ""
        let count = UInt64(streams[name]?.frames.count ?? 0)
        _ = sockets.send(responseHead, to: socket)
        let start = last?.offset ?? count
        let position = count == 0 ? Position.beginning : Position(offset: start, epoch: "k3f9")
        write(makeConnected(at: position), socket, sockets)
        let missed = streams[name]?.frames.dropFirst(Int(start)).flatMap { $0 } ?? []
        if !missed.isEmpty { write(Array(missed), socket, sockets) }
        streams[name, default: Stream()].viewers.append(socket)
    }
}

// MARK: - Likes

extension FakeService {
    private func like(_ socket: SocketHandle, _ liked: Bool, _ body: Data, _ sockets: Sockets) {
        let request = (try? JSONDecoder().decode([String: String].self, from: body)) ?? [:]
        let (photo, user) = (request["post_id"] ?? "", request["user_id"] ?? "")
        if liked { likers[photo, default: []].insert(user) } else { likers[photo]?.remove(user) }
        versions += 1
        for viewer in streams[photo]?.viewers ?? [] { write(countEvent(photo), viewer, sockets) }
        answer(socket, 200, "{}", sockets)
    }

    private func countEvent(_ photo: String) -> [UInt8] {
        let count = likers[photo]?.count ?? 0
        return makeEvent("likes", #"{"photoid":"\#(photo)","count":\#(count),"version":\#(versions)}"#)
    }
}

// MARK: - A service that is not ours

extension FakeService {
    private func plain(_ socket: SocketHandle, _ text: String, _ body: Data, _ sockets: Sockets) {
        guard let video = text.firstMatch(of: /[?&]videoid=([^ &]+)/).map({ String($0.1) }) else {
            return answer(socket, 400, "", sockets)
        }
        if text.hasPrefix("GET /connect?"), text.contains("Accept: text/event-stream") {
            seen.value.withLock { $0.connects += 1 }
            _ = sockets.send(responseHead, to: socket)
            streams[video, default: Stream()].viewers.append(socket)
        } else if text.hasPrefix("POST /comment?") {
            seen.value.withLock { $0.comments += 1 }
            let offset = UInt64(streams[video]?.frames.count ?? 0) + 1
            let frame = Array("id: 1700000000:\(offset)\ndata: ".utf8) + Array(body) + Array("\n\n".utf8)
            streams[video, default: Stream()].frames.append(frame)
            deliver(frame, offset, video, sockets)
            answer(socket, offset.isMultiple(of: 2) ? 201 : 202, "", sockets)
        } else {
            answer(socket, 404, "", sockets)
        }
    }
}

// MARK: - CommentAPI

extension FakeService {
    private func comment(_ socket: SocketHandle, _ body: Data, _ sockets: Sockets) {
        seen.value.withLock { $0.comments += 1 }
        guard let request = try? JSONDecoder().decode(CommentRequest.self, from: body), faults.commentStatus == nil
        else {
            return answer(socket, faults.commentStatus ?? 400, "{}", sockets)
        }
        var comment = Comment(
            id: "c", userid: request.userid, videoid: request.videoid, comment: "nobody wrote this", timestamp: "t")
        if UInt64(streams[request.videoid]?.frames.count ?? 0) + 1 == faults.foreignOffset { append(comment, sockets) }
        comment.comment = request.comment
        var position = append(comment, sockets)
        if position.offset == faults.misplacedOffset {
            position = Position(offset: position.offset + 1, epoch: position.epoch)
        }
        let json = String(decoding: comment.json(at: position), as: UTF8.self)
        answer(socket, 201, #"{"success":true,"comment":\#(json)}"#, sockets)
    }

    @discardableResult
    private func append(_ comment: Comment, _ sockets: Sockets) -> Position {
        let offset = UInt64(streams[comment.videoid]?.frames.count ?? 0) + 1
        let position = Position(offset: offset, epoch: "k3f9")
        let frame = EventStream.frame(data: comment.json(), id: position)
        streams[comment.videoid, default: Stream()].frames.append(frame)
        deliver(frame, offset, comment.videoid, sockets)
        return position
    }

    /// The same frame with another letter at the end of its text.
    static func altered(_ frame: [UInt8]) -> [UInt8] {
        let text = String(decoding: frame, as: UTF8.self)
        return Array(text.replacing(/[a-z ]","timestamp/, with: "#\",\"timestamp").utf8)
    }

    private func deliver(_ frame: [UInt8], _ offset: UInt64, _ video: String, _ sockets: Sockets) {
        for (place, viewer) in (streams[video]?.viewers ?? []).enumerated() {
            let isHit = place.isMultiple(of: 2)
            if isHit, offset == faults.lostOffset {
                seen.value.withLock { $0.withheld += 1 }
                continue
            }
            let isAltered = offset == faults.alteredOffset && (isHit || faults.altersForAll)
            write(isAltered ? FakeService.altered(frame) : frame, viewer, sockets)
            if isHit, offset == faults.repeatedOffset { write(frame, viewer, sockets) }
            if offset == faults.reconnectAt {
                write(makeEvent("reconnect", "{}", retryMilliseconds: 20), viewer, sockets)
            }
            if offset == faults.cutAt { sockets.close(viewer) }
        }
        if offset == faults.cutAt || offset == faults.reconnectAt { streams[video]?.viewers = [] }
    }
}

@available(*, unavailable)
extension FakeService: Sendable {}
