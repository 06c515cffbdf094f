import Foundation
import TestSupport
import Testbed
import Testing
import Wire

extension EndToEndTests {
    @Suite struct BadInputTests {
        private struct Case {
            var request: [UInt8]
            var status: Int
            var code: String

            init(_ status: Int, _ code: String, _ request: [UInt8]) {
                (self.request, self.status, self.code) = (request, status, code)
            }

            /// A body with a type that is not JSON.
            static func media(_ type: String?, _ path: String, _ body: String = "{}") -> Case {
                let headers = type.map { [("Content-Type", $0)] } ?? []
                return Case(
                    415, "unsupported_media_type",
                    RequestText.make("POST", path, headers: headers, body: Array(body.utf8)))
            }
        }

        private static let long = String(repeating: "i", count: 129)

        /// What may be wrong with any JSON body.
        private static func bodies(_ path: String) -> [Case] {
            let badUTF8 = Array(#"{"userid":"u","videoid":"v","comment":"a"#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
            let type = [("Content-Type", "application/json")]
            let large = #"{"userid":""# + String(repeating: "u", count: 65_536) + "\"}"
            let texts = ["", "{", "[]", "null", #"{"userid":"u",}"#, #"{"userid":"u"}{}"#, "{\"userid\":\"u\u{1}\"}"]
            return texts.map { Case(400, "malformed_json", RequestText.post(path, json: $0)) }
                + [
                    Case(400, "invalid_utf8", RequestText.make("POST", path, headers: type, body: badUTF8)),
                    Case(413, "body_too_large", RequestText.post(path, json: large)),
                    Case.media("text/plain", path), Case.media(nil, path),
                    Case.media("application/x-www-form-urlencoded", path, "userid=u&videoid=v&comment=c"),
                ]
        }

        private static var comments: [Case] {
            let fields = [
                #"{}"#, #"{"videoid":"v","comment":"c"}"#, #"{"userid":"u","comment":"c"}"#,
                #"{"userid":"u","videoid":"v"}"#, #"{"userid":"","videoid":"v","comment":"c"}"#,
                #"{"userid":"u","videoid":"","comment":"c"}"#, #"{"userid":"u","videoid":"v","comment":""}"#,
                #"{"userid":7,"videoid":"v","comment":"c"}"#, #"{"userid":"u","videoid":null,"comment":"c"}"#,
                #"{"userid":"u","videoid":"v","comment":["c"]}"#, #"{"userid":"\#(long)","videoid":"v","comment":"c"}"#,
                #"{"userid":"u","videoid":"\#(long)","comment":"c"}"#,
                #"{"userid":"u","videoid":"v","comment":"\#(String(repeating: "c", count: 2_001))"}"#,
                #"{"userid":"u/","videoid":"v","comment":"c"}"#, #"{"userid":"u","videoid":"v\n","comment":"c"}"#,
                #"{"userid":"u","videoid":"{v}","comment":"c"}"#, #"{"userid":"u","videoid":"v","comment":"\u0000"}"#,
                #"{"userid":"u","videoid":"v","comment":"\u001b[2J"}"#,
                #"{"userid":"u","videoid":"v","comment":"\u0085"}"#,
            ]
            return fields.map { Case(400, "invalid_comment", RequestText.post("/comment", json: $0)) }
        }

        private static var connects: [Case] {
            let fields = [
                #"{}"#, #"{"userid":"u"}"#, #"{"videoid":"v"}"#, #"{"userid":"","videoid":"v"}"#,
                #"{"userid":"u","videoid":""}"#, #"{"userid":"u","videoid":["v"]}"#,
                #"{"userid":"u","videoid":"\#(long)"}"#, #"{"userid":"u u","videoid":"v"}"#,
                #"{"userid":"u","videoid":"v","lastEventId":5}"#, #"{"userid":"u","videoid":"v\r\nx: y"}"#,
                #"{"userid":"u","photoids":"a,,b"}"#,
                #"{"userid":"u","photoids":"\#((0...64).map { "p\($0)" }.joined(separator: ","))"}"#,
            ]
            let queries = [
                "", "userid=u", "videoid=v", "userid=&videoid=v", "userid=u&videoid=", "userid=u&videoid=v%0A",
                "userid=u&videoid=v%00", "userid=u&videoid=%FF%FE", "userid=u&userid=w&videoid=v",
                "userid=u&videoid=\(long)", "userid=u&videoid=v*",
            ]
            let requests = fields.map { RequestText.post("/connect", json: $0) }
            return (requests + queries.map { RequestText.connect(query: $0) }).map { Case(400, "invalid_connect", $0) }
        }

        private static var reports: [Case] {
            let paths = ["/comment-api-statistics", "/reader-api-statistics", "/client-statistics"]
            return paths.flatMap { path in
                [
                    Case(400, "invalid_report", RequestText.post(path, json: #"{"instanceId":"","clientId":""}"#)),
                    Case(400, "invalid_report", RequestText.post(path, json: #"{"instanceId":5,"clientId":5}"#)),
                    Case(400, "malformed_json", RequestText.post(path, json: "{")), Case.media(nil, path),
                ]
            } + [Case(400, "invalid_query", RequestText.make("GET", "/statistics?full=maybe"))]
        }

        /// Paths and methods that no service knows.
        private static func routes(
            _ path: String, wrongMethod: String, unknown: [String] = ["/", "/nothing"]
        ) -> [Case] {
            (unknown + [path + "/x/y", "/..%2f..%2fetc/passwd"]).map {
                Case(404, "not_found", RequestText.make("GET", $0))
            }
                + [(wrongMethod, path), ("DELETE", "/health")].map {
                    Case(405, "method_not_allowed", RequestText.make($0, $1))
                }
        }

        @Test func everyBadRequestIsRefusedWithItsCode() async throws {
            try await System.with { system in
                try await expect(
                    Self.comments + Self.bodies("/comment") + Self.routes("/comment", wrongMethod: "GET"),
                    system.comments)
                try await expect(
                    Self.connects + Self.bodies("/connect") + Self.routes("/connect", wrongMethod: "PUT"),
                    system.readers[0])
                try await expect(
                    Self.reports + Self.routes("/statistics", wrongMethod: "POST", unknown: ["/nothing"]), system.stats
                )
                // Nothing of all that was published, subscribed, or stays connected: Redis knows the Readers, and no more.
                let keys = try system.redis.command("KEYS", "*")
                #expect(keys.contains("\r\nreaders\r\n") && keys.contains("\r\nviewers:readers\r\n"))
                #expect(try system.redis.command("DBSIZE") == ":2\r\n")
                #expect(try system.redis.command("PUBSUB", "CHANNELS", "video:*") == "*0\r\n")
                let viewer = try await system.viewer(of: "v")
                try await system.write("good", to: "v")
                #expect(try await viewer.nextComment().data.contains("good"))
            }
        }

        private func expect(_ cases: [Case], _ node: Node) async throws {
            for one in cases {
                let text = String(decoding: one.request.prefix(200), as: UTF8.self)
                let answer = try await LoopbackHTTP.exchange(port: node.port, one.request)
                #expect(answer.status == one.status, "\(text)")
                #expect(answer.head["content-type"] == "application/json", "\(text)")
                let body = try #require(
                    try? JSONDecoder().decode(ErrorBody.self, from: Data(answer.body)), "\(text): \(answer.text)")
                #expect(body.code == one.code, "\(text)")
                #expect(!body.error.isEmpty)
                if one.status == 405 { #expect(answer.head["allow"] != nil, "\(text)") }
            }
            #expect(try await node.get("/health").status == 200)
        }
    }
}
