import Likes
import Testing

@testable import LikeAPI

struct FastLikeRouteTests {
    private func intent(_ text: String) -> LikeIntent? {
        Array(text.utf8).withUnsafeBytes(FastLikeRoute.intent)
    }

    @Test(arguments: [
        #"{"user_id":"u1","post_id":"p1"}"#, #"{"post_id":"p1","user_id":"u1"}"#,
        #"{"user_id": "u1", "post_id": "p1"}"#,
    ])
    func takesWhatProgramsWrite(text: String) {
        #expect(intent(text) == LikeIntent(photo: "p1", user: "u1", liked: true))
    }

    /// Among them things that are right: the ordinary route knows what to do with them.
    @Test(arguments: [
        "", "{", "{}", #"{"user_id":"u1"}"#, #"{"user_id":"u1","post_id":"p1""#, #"{"user_id":"u1","post_id":"p1"}x"#,
        #"{"user_id":"u1","post_id":"p1","more":1}"#, #"{"user_id":"u1","user_id":"u2"}"#,
        #"{"user_id":"","post_id":"p1"}"#, #"{"user_id":"a b","post_id":"p1"}"#, #"{"user_id":7,"post_id":"p1"}"#,
        #"{"user_id":"u\u0031","post_id":"p1"}"#, #" {"user_id":"u1","post_id":"p1"}"#,
        #"{"user_id":"u1","post_id":"ä"}"#, "null", #"["user_id"]"#,
    ])
    func leavesTheRest(text: String) {
        #expect(intent(text) == nil)
        // Nothing that is cut is taken for whole.
        let whole = #"{"user_id":"u1","post_id":"p1"}"#
        for count in 0..<whole.utf8.count { #expect(intent(String(whole.prefix(count))) == nil) }
    }
}
