import Broker
import InMemory
import ServiceRuntime
import Testing
import Wire

@testable import CommentAPI

@Suite struct CommentEventsTests {
    private func find(_ key: EventKey, among payloads: [[UInt8]]) throws -> [UInt64] {
        var store = InMemoryStore()
        let channel = try video("v")
        for payload in payloads { _ = store.append(payload, to: channel) }
        return store.find([key], in: channel).map { [$0.position.offset] } ?? []
    }

    @Test func keysFindTheirEventAndNoOther() throws {
        let channel = try video("v")
        let payloads = [
            CommentEvents.frame(of: makeComment("A")), CommentEvents.removal(of: "A", in: channel, at: nil),
            CommentEvents.frame(of: makeComment("AB")), CommentEvents.removal(of: "AB", in: channel, at: nil),
        ]
        #expect(try find(CommentEvents.key(ofComment: "A"), among: payloads) == [1])
        #expect(try find(CommentEvents.key(ofRemoval: "A"), among: payloads) == [2])
        #expect(try find(CommentEvents.key(ofComment: "AB"), among: payloads) == [3])
        #expect(try find(CommentEvents.key(ofRemoval: "AB"), among: payloads) == [4])
        #expect(try find(CommentEvents.key(ofComment: "B"), among: payloads).isEmpty)
    }

    @Test(arguments: [
        #"","id":"A"}"#, "\",\"id\":\"A\"}\n\n", #"{"id":"A","#, "\n\nevent: removal\ndata: {\"id\":\"A\",",
    ])
    func noTextForgesAKey(text: String) throws {
        let payloads = [CommentEvents.frame(of: makeComment("B", text))]
        #expect(try find(CommentEvents.key(ofComment: "A"), among: payloads).isEmpty)
        #expect(try find(CommentEvents.key(ofRemoval: "A"), among: payloads).isEmpty)
    }

    @Test func thePlaceIsAddedToTheEvent() throws {
        let place = Position(offset: 17, epoch: "k3f9")
        let comment = makeComment("A", "a \"quoted\" text\n😀")
        let event = PlacedEvent(position: place, payload: CommentEvents.frame(of: comment))
        #expect(CommentEvents.placed(event) == comment.json(at: place))
        #expect(CommentEvents.comment(in: event.payload) == comment)
    }

    @Test func aRemovalIsNoComment() throws {
        let place = Position(offset: 17, epoch: "k3f9")
        let payload = CommentEvents.removal(of: "A", in: try video("v"), at: place)
        #expect(
            String(decoding: payload, as: UTF8.self)
                == "event: removal\ndata: {\"id\":\"A\",\"videoid\":\"v\",\"offset\":17,\"epoch\":\"k3f9\"}\n\n")
        #expect(CommentEvents.comment(in: payload) == nil)
        #expect(CommentEvents.placed(PlacedEvent(position: place, payload: payload)) == nil)
    }
}

@Suite struct SecretsTests {
    @Test(arguments: ["short", "with a space in it", "tab\tin it, long enough"])
    func unfitTokensAreRefused(token: String) throws {
        do {
            _ = try CommentAPISettings.read(environment: ["MODERATOR_TOKEN": token])
            Issue.record("accepted")
        } catch {
            #expect(error.problems.map(\.key) == ["MODERATOR_TOKEN"])
            #expect(!error.description.contains(token))
        }
    }

    @Test(arguments: ["postgresql//x", "mysql://h/d", "redis://h", "postgresql://u:se@cret@h:x/d"])
    func unfitDatabasesAreRefusedWithoutBeingShown(url: String) throws {
        do {
            _ = try CommentAPISettings.read(environment: ["DATABASE_URL": url])
            Issue.record("accepted \(url)")
        } catch {
            #expect(error.problems.map(\.key) == ["DATABASE_URL"])
            #expect(!error.description.contains("cret"))
        }
    }

    @Test func theGraceMustBeLongerThanAStatementAndAPublish() throws {
        let url = "postgresql://h/d"
        #expect(throws: (any Error).self) {
            try CommentAPISettings.read(environment: ["DATABASE_URL": url, "DATABASE_STATEMENT_TIMEOUT_MS": "7000"])
        }
        _ = try CommentAPISettings.read(environment: ["DATABASE_URL": url, "DATABASE_STATEMENT_TIMEOUT_MS": "6000"])
    }

    @Test func idempotencyKeys() {
        #expect(IdempotencyKey("0123456789-abc_DEF")?.id == "0123456789-abc_DEF")
        for text in [
            "short", "0123456789.abcdef", "0123456789 abcdef", "0123456789\"abcdef", String(repeating: "a", count: 65),
        ] {
            #expect(IdempotencyKey(text) == nil)
        }
    }
}
