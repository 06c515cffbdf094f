import HTTPTypes
import HummingbirdCore
import NIOCore
import Placement
import RedisNIO
import Storage
import Testing
import Wire

@testable import Broker
@testable import CommentAPI
@testable import ServiceRuntime
@testable import SimClient

extension FuzzTests {
    /// Positions and cursors: what is read is written as something that reads the same, and is small enough to count on.
    @Test func positions() {
        let numbers = [
            "0", "1", "17", "9007199254740991", "9007199254740992", "18446744073709551615", "1767268800000000",
        ]
        fuzz(
            "positions", tokens: numbers + [".", "-", "+", "-0", "00", " ", "k3f9", "é", "٣", "e\u{301}", "\0", "\n"],
            make: { random in
                ((), Array("\(random.one(of: numbers)).\(random.one(of: ["k3f9", "0", "17", "user1"]))".utf8))
            }
        ) { _, input, _ in
            let text = String(decoding: input, as: UTF8.self)
            let position = Position(parsing: text)
            if let position {
                guard position.description == text || text.hasPrefix("0"),
                    Position(parsing: position.description) == position
                else { return .wrong("\(position)") }
                // JavaScript's numbers end at 2^53, and whoever goes on counting from a position must not overflow.
                guard position.offset < 1 << 53 else { return .wrong("\(position)") }
            }
            let frame = Array("id: ".utf8) + input + Array("\ndata: {}\n\n".utf8)
            if !input.contains(0x0A), FrameHead.read(frame) != position.map({ .log($0) }) {
                return .wrong("\(FrameHead.read(frame) as Any) and not \(position as Any)")
            }
            let likers = LikersCursor(parsing: text)
            let notifications = NotificationCursor(parsing: text)
            guard likers.flatMap({ LikersCursor(parsing: $0.description) }) == likers,
                notifications.flatMap({ NotificationCursor(parsing: $0.description) }) == notifications
            else { return .wrong("\(likers as Any), \(notifications as Any)") }
            return position == nil && likers == nil && notifications == nil ? .refused : .accepted
        }
    }

    /// Ids and the names of channels, by every way to check them.
    @Test func identifiers() {
        fuzz(
            "identifiers",
            tokens: [
                ":", "video:", "photo:", "a", "_", "é", "\u{301}", "\0", " ", "{", "}", "/",
                String(repeating: "x", count: 100),
            ],
            make: { random in ((), Array(random.one(of: ["video:v1", "photo:p.1", "user:U_-:1", "video:"]).utf8)) }
        ) { _, input, _ in
            let text = String(decoding: input, as: UTF8.self)
            guard Identifier.isValid(text) == Identifier.isValid(text[...]) else { return .wrong("two answers") }
            _ = IdempotencyKey(text)
            guard let channel = Channel(name: text) else { return .refused }
            guard Channel(channel.kind, id: channel.id) == channel, channel.name.utf8.elementsEqual(input),
                Identifier.isValid(channel.id), input.allSatisfy({ $0 > 0x20 && $0 < 0x7B })
            else { return .wrong("\(channel)") }
            return .accepted
        }
    }

    /// The fields of a query come out as they were encoded.
    @Test func queries() {
        fuzz(
            "queries", tokens: ["&", "=", "%", "%00", "%zz", "%C3", "?", "#", "+", "a=1", "\0", "é", "/", "%41"],
            make: { random in
                let values = (0..<random.below(5)).map { number in
                    ("n\(number)", random.one(of: ["", "a", "é", "a b&c=d", "100%", "😀", "\u{0}", "/?#"]))
                }
                let query = values.map { name, value in
                    name + "="
                        + value.utf8.map { byte in
                            random.below(3) > 0 && Identifier.isValid(String(UnicodeScalar(byte)))
                                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
                        }.joined()
                }
                return (values, Array(("/x?" + query.joined(separator: "&")).utf8))
            }
        ) { meaning, input, _ in
            let path = String(decoding: input, as: UTF8.self)
            let head = HTTPRequest(method: .get, scheme: nil, authority: nil, path: path)
            let request = Request(head: head, body: RequestBody(buffer: .init()))
            guard let fields = try? RequestFields(queryOf: request, code: "x") else {
                return meaning == nil ? .refused : .wrong("refused")
            }
            for (name, value) in meaning ?? [] {
                guard try fields.string(name).utf8.elementsEqual(value.utf8) else { return .wrong("\(name)") }
            }
            return .accepted
        }
    }

    /// Addresses out of settings and redirects.
    @Test func addresses() {
        let samples = [
            "redis://user:pass@host:6379/1", "http://127.0.0.1:4000/x", "http://[::1]:80", "https://a.b/c?d#e",
            "redis://h",
        ]
        fuzz(
            "addresses",
            tokens: [
                "://", ":", "@", "/", "[", "]", "?", "#", "%41", "%zz", "65535", "65536", "-1", "\u{301}", "é", " ",
            ],
            make: { random in ((), Array(random.one(of: samples).utf8)) }
        ) { _, input, _ in
            let text = String(decoding: input, as: UTF8.self)
            let redis = try? RedisEndpoint(parsing: text)
            let endpoint = Endpoint(text)
            _ = Endpoint.target(ofLocation: text)
            let url = ServiceURL(text, schemes: ["http", "https", "redis"])
            if let endpoint, Endpoint(endpoint.description) != endpoint { return .wrong("\(endpoint)") }
            if let password = redis?.password, "\(redis as Any)".contains(password), password.utf8.count > 3 {
                return .wrong("the password is shown")
            }
            return redis == nil && endpoint == nil && url == nil ? .refused : .accepted
        }
    }

    /// What our own clients pick out of an answer or an event without parsing it.
    @Test func picked() {
        fuzz(
            "picked",
            tokens: [
                "\"offset\":", "\"epoch\":\"", "\"count\":", "\"version\":", "\"photoid\":\"", "\"",
                "99999999999999999999", "event: likes\n", "t=",
            ],
            make: { random in
                let number = Int64(random.below(1 << 50))
                let text =
                    "event: likes\ndata: {\"comment\":\"1.2 t=\(number)+0 x\",\"photoid\":\"p\",\"count\":\(number),\"version\":8,\"offset\":\(number),\"epoch\":\"k3\"}"
                return (number, Array(text.utf8))
            }
        ) { meaning, input, _ in
            let position: Position? =
                if case .acknowledged(let position) = PublishOutcome(status: 201, body: input) { position } else { nil }
            let event = input.withUnsafeBytes { CountEvent.read($0) }
            let stamp = input.withUnsafeBytes { CommentText.stamp(in: $0) }
            if let meaning {
                guard case .likes(let count) = event, count.count == meaning, stamp?.sent.at == meaning,
                    position == Position(offset: UInt64(meaning), epoch: "k3")
                else { return .wrong("\(event), \(position as Any), \(stamp as Any)") }
            }
            if case .malformed = event { return .refused }
            return position == nil ? .refused : .accepted
        }
    }
}
