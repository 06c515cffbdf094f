import HTTPTypes
import Hummingbird
import NIOCore
import ServiceRuntime
import Testing

@testable import ReaderAPI

@Suite struct HopTests {
    func hop(_ path: String) throws -> Hop {
        let head = HTTPRequest(method: .get, scheme: "http", authority: "a", path: path)
        return try Hop(Request(head: head, body: RequestBody(buffer: ByteBuffer())), code: "invalid_connect")
    }

    func base(_ text: String = "http://r2:4000") throws -> ServiceURL {
        try #require(ServiceURL(text, schemes: ["http"]))
    }

    @Test func countsWhatTheQuerySays() throws {
        #expect(try hop("/connect").count == 0 && hop("/connect?videoid=v&hop=2").count == 2)
        for bad in ["-1", "x", "100", "1.5", ""] {
            #expect(throws: APIError.self) { try hop("/connect?hop=\(bad)") }
        }
    }

    @Test func everyParameterSurvives() throws {
        let next = try hop("/connect?hop=1").next(
            at: base("http://r2:4000/edge/"), query: "userid=u&hop=1&lastEventId=17.ab&videoid=a%3Ab", lastEventID: nil)
        #expect(next == "http://r2:4000/edge/connect?userid=u&lastEventId=17.ab&videoid=a%3Ab&hop=2")
        #expect(try hop("/connect").next(at: base(), query: nil, lastEventID: nil) == "http://r2:4000/connect?hop=1")
    }

    /// Another spelling of the name counts for nothing, and must not make the parameter come twice further on.
    @Test func anotherSpellingOfTheHopDoesNotSurvive() throws {
        let query = "hop=1&h%6Fp=7&x=1"
        let next = try hop("/connect?hop=1&h%6Fp=7").next(at: base(), query: query, lastEventID: nil)
        #expect(next == "http://r2:4000/connect?x=1&hop=2")
    }

    @Test func theHeaderTakesThePlaceOfAnOlderPosition() throws {
        let next = try hop("/connect").next(at: base(), query: "lastEventId=1.a&videoid=v", lastEventID: "9.b&x")
        #expect(next == "http://r2:4000/connect?videoid=v&lastEventId=9.b%26x&hop=1")
    }
}
