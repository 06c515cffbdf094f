import Broker
import HTTPTypes
import NIOCore
import ServiceRuntime
import Synchronization
import Testing
import Wire

@testable import CommentAPI

/// The route that stands in front of ``CommentRoutes`` answers what it would answer, or leaves the request to it.
@Suite struct FastCommentRouteTests {
    private let broker = InMemoryBroker()

    private func route() -> FastCommentRoute {
        FastCommentRoute(desk: CommentDesk(archive: RedisArchive(broker: broker)))
    }

    /// `nil` when the route left the request to the ordinary one.
    private func reply(_ route: FastCommentRoute, _ body: String) async -> FastReply? {
        await withCheckedContinuation { continuation in
            let isTaken = route.serve(ByteBuffer(string: body)) { continuation.resume(returning: $0) }
            if !isTaken { continuation.resume(returning: nil) }
        }
    }

    @Test func aCommentIsPublishedAndAnsweredAsByTheOrdinaryRoute() async throws {
        let route = route()
        let body = #"{"userid":"u1","videoid":"v1","comment":"Great \u0041"}"#
        guard case .answer(let status, let answer) = await reply(route, body) else {
            Issue.record("the route did not take an ordinary comment")
            return
        }
        #expect(status == .created)
        let text = String(buffer: answer)
        #expect(
            text.hasPrefix(#"{"success":true,"comment":{"userid":"u1","videoid":"v1","comment":"Great A","timestamp":"#)
        )
        #expect(text.contains(#""offset":1,"epoch":"#))
        #expect(try await texts(broker, video("v1")) == ["Great A"])
        #expect(route.desk.tally.totals() == (1, 1))
    }

    @Test(arguments: [
        "", "null", "{}", #"{"userid":"u1","videoid":"v1"}"#, #"{"userid":"u1","videoid":"v1","comment":""}"#,
        #"{"userid":"u 1","videoid":"v1","comment":"x"}"#, #"{"userid":"u1","videoid":"v1","comment":7}"#,
        #"{"userid":"u1","videoid":"v1","comment":"x"} x"#,
    ])
    func whatIsWrongIsLeftToTheOrdinaryRoute(body: String) async throws {
        let route = route()
        #expect(await reply(route, body).map { _ in true } == nil)
        #expect(route.desk.tally.totals() == (0, 0))
        #expect(try await texts(broker, video("v1")).isEmpty)
    }

    /// A comment that was perhaps published must not be published again by the ordinary route.
    @Test func aFailureIsAnsweredAndNotGivenBack() async throws {
        let faulty = FaultyBroker(broker)
        faulty.setFault(.singleAnswerLost)
        let route = FastCommentRoute(desk: CommentDesk(archive: RedisArchive(broker: faulty)))
        let answer = await reply(route, #"{"userid":"u1","videoid":"v1","comment":"x"}"#)
        guard case .refusal(let refusal) = answer else {
            Issue.record("\(String(describing: answer))")
            return
        }
        #expect(refusal.status == .serviceUnavailable)
        #expect(try await texts(broker, video("v1")) == ["x"])
    }

    @Test func repeatableRequestsAreNotOrdinary() {
        #expect(route().unusualFields.map(\.canonicalName) == ["idempotency-key"])
    }
}
