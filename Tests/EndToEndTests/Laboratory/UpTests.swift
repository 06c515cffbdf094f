import Foundation
import TestSupport
import Testbed
import Testing
import Wire

extension EndToEndTests {
    /// `Orchestrator up`: what a person tries first.
    @Suite struct UpTests {
        /// Runs it until `body` is done, then Ctrl-C: it ends with 0, and nothing is left.
        private func up(
            _ arguments: String = "", in folder: String, _ body: (_ port: Int, Program) async throws -> Void
        ) async throws {
            let port = try Ports.one()
            let line = "up --port \(port) --folder \(folder)/home \(arguments)"
            try await withOrchestrator(line) { program, _ async throws in
                let url = "http://127.0.0.1:\(port)/"
                _ = await eventually(within: 60) { program.log.contains(url) || program.exitCode != nil }
                try #require(program.log.contains("\(url)\n"), "\(program.log)")
                try await body(port, program)
                program.signal(SIGINT)
                #expect(await program.end(within: 30) == 0, "\(program.log)")
            }
            let isThere = await answers(port)
            #expect(!isThere)
            #expect(processes(of: folder).isEmpty)
        }

        private func answers(_ port: Int) async -> Bool {
            (try? await LoopbackHTTP.get(port: port, "/health").status) == 200
        }

        /// PostgreSQL is another user than root, and must get in.
        private func withHome(_ body: (String) async throws -> Void) async throws {
            try await withTemporaryFolder { folder async throws in
                chmod(folder, 0o755)
                try await body(folder)
            }
        }

        private func post(_ path: String, _ json: String, token: String? = nil, _ port: Int) async throws -> HTTPAnswer
        {
            let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
            return try await LoopbackHTTP.exchange(port: port, RequestText.post(path, json: json, headers: headers))
        }

        private func comment(_ text: String, token: String? = nil, _ port: Int) async throws -> Int {
            try await post("/comment", #"{"videoid":"v","comment":"\#(text)"}"#, token: token, port).status
        }

        /// The token of a new account, or of a log-in of an old one.
        private func signIn(_ path: String, _ port: Int) async throws -> String {
            struct Tokens: Decodable {
                var access: String
                enum CodingKeys: String, CodingKey { case access = "access_token" }
            }
            let json = #"{"username":"anna","email":"anna@example.org","password":"correct horse"}"#
            let answer = try await post(path, json, port)
            return try JSONDecoder().decode(Tokens.self, from: Data(answer.body)).access
        }

        @Test func whatWasWrittenIsThereTheNextTimeAndGoneWithFresh() async throws {
            try await withHome { folder async throws in
                try await up(in: folder) { port, program async throws in
                    #expect(try await LoopbackHTTP.get(port: port, "/").text.contains("<html"))
                    #expect(try await comment("of nobody", port) == 401)
                    let token = try await signIn("/api/users/register", port)
                    #expect(try await comment("kept", token: token, port) == 201)
                    let like = try await post("/like", #"{"photoid":"p"}"#, token: token, port)
                    #expect(like.text.contains(#""count":1"#))
                    let viewer = try await StreamClient(port: port, RequestText.connect(video: "v"))
                    _ = try await viewer.next()
                    #expect(try await comment("live", token: token, port) == 201)
                    #expect(try await viewer.next().data.contains("live"))
                    await viewer.close()
                    for name in [
                        "redis", "postgres", "stats-api", "comment-api-1", "like-api-1", "social-api-1", "reader-2",
                        "gateway",
                    ] {
                        let lines = program.log.split(separator: "\n").filter { $0.hasPrefix("\(name) ") }
                        #expect(lines.count == 1, "\(program.log)")
                    }
                    let other = try await orchestrator("up --port \(try Ports.one()) --folder \(folder)/home", folder)
                    #expect(await other.end(within: 20) == 69)
                    #expect(other.log.contains("another 'Orchestrator up' uses"), "\(other.log)")
                }
                try await up(in: folder) { port, _ async throws in
                    let history = try await LoopbackHTTP.get(port: port, "/history?videoid=v").text
                    #expect(history.contains("kept") && history.contains("live"), "\(history)")
                    #expect(try await LoopbackHTTP.get(port: port, "/v1/likes/p").text.contains(#""count":1"#))
                    // The account is there, and so is the key that its tokens are signed with.
                    let token = try await signIn("/api/users/login", port)
                    #expect(try await comment("again", token: token, port) == 201)
                }
                try await up("--fresh", in: folder) { port, _ async throws in
                    #expect(try await !LoopbackHTTP.get(port: port, "/history?videoid=v").text.contains("kept"))
                    #expect(try await LoopbackHTTP.get(port: port, "/v1/likes/p").text.contains(#""count":0"#))
                }
            }
        }

        @Test func theDemoIsASmallWorld() async throws {
            try await withHome { folder async throws in
                try await up("--demo", in: folder) { port, program async throws in
                    for video in ["harbour", "aurora", "kitchen"] {
                        #expect(
                            await eventually(within: 30) {
                                try await LoopbackHTTP.get(port: port, "/history?videoid=\(video)").text
                                    .contains(#""comment":"#)
                            }, "\(video): \(program.log)")
                    }
                    #expect(
                        await eventually(within: 30) {
                            let text = try await LoopbackHTTP.get(port: port, "/v1/likes/harbour.1").text
                            return !text.contains(#""count":0"#)
                        }, "\(program.log)")
                    // Posts, and something said about one of them.
                    #expect(
                        await eventually(within: 60) {
                            let posts = try await LoopbackHTTP.get(port: port, "/api/posts?limit=50").text
                            for entry in posts.split(separator: #"{"id":""#).dropFirst() {
                                let comments = try await LoopbackHTTP.get(
                                    port: port, "/api/posts/\(entry.prefix { $0 != "\"" })/comments")
                                if comments.text.contains(#""comment":""#) { return true }
                            }
                            return false
                        }, "\(program.log)")
                }
            }
        }

        /// Not even nginx's workers, which nothing but their first process ends.
        @Test func nothingOutlivesAProcessThatIsKilled() async throws {
            try await withHome { folder async throws in
                let port = try Ports.one()
                let program = try await orchestrator("up --port \(port) --folder \(folder)/home", folder)
                try await withEnd({ await program.stop() }) { () async throws in
                    #expect(await eventually(within: 60) { await answers(port) }, "\(program.log)")
                    program.signal(SIGKILL)
                    #expect(await eventually(within: 10) { processes(of: folder).isEmpty && Ports.isFree(port) })
                }
            }
        }

        @Test func aPortThatIsTakenIsSaidSo() async throws {
            try await withHome { folder async throws in
                try await withSilentPort { port async throws in
                    let program = try await orchestrator("up --port \(port) --folder \(folder)/home", folder)
                    #expect(await program.end(within: 20) == 69)
                    #expect(program.log.contains("port \(port) is in use"), "\(program.log)")
                    await program.stop()
                }
            }
        }
    }
}
