import Foundation
import HTTPTypes
import Primitives
import ServiceRuntime
import Storage
import TestSupport
import Testing

@testable import SocialAPI

@Suite(.serialized) struct SessionTests {
    private func refreshToken(_ answer: TestSocial.Answer) throws -> String {
        try #require(answer.cookies["chorus_refresh"])
    }

    @Test func tokensRotate() async throws {
        try await withSocial { social in
            var token = try refreshToken(try await social.register("anna"))
            var seen: Set = [token]
            for _ in 0..<5 {
                let answer = try await social.refresh(token)
                #expect(answer.status == 200 && answer.member("access_token") == answer.cookies["chorus_session"])
                token = try refreshToken(answer)
                #expect(seen.insert(token).inserted)
                let access = try #require(answer.member("access_token"))
                #expect(try await social.send(.get, "/api/users/me", token: access).status == 200)
            }
        }
    }

    @Test func twentyAtOnceWithinTheGrace() async throws {
        try await withSocial { social in
            let token = try refreshToken(try await social.register("anna"))
            let answers = try await withThrowingTaskGroup(of: TestSocial.Answer.self) { group in
                for _ in 0..<20 { group.addTask { try await social.refresh(token) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 200 })
            let next = try answers.map { try refreshToken($0) }
            #expect(Set(next).count == 20)
            for token in next { #expect(try await social.refresh(token).status == 200) }
            // Not without end, even within the grace: 32 in all.
            for number in 20..<40 {
                #expect(try await social.refresh(token).status == (number < 32 ? 200 : 401), "\(number)")
            }
        }
    }

    @Test func anOldTokenEndsTheSession() async throws {
        try await withSocial { social in
            let first = try await social.register("anna")
            let old = try refreshToken(first)
            let second = try await social.refresh(old)
            let access = try #require(second.member("access_token"))
            // 31 s later.
            _ = try await social.sql(
                "UPDATE refresh_tokens SET used_at = used_at - interval '31 seconds' WHERE used_at IS NOT NULL")
            let stolen = try await social.refresh(old)
            #expect(stolen.status == 401 && stolen.code == "invalid_refresh_token" && stolen.cookies.isEmpty)
            #expect(try await social.refresh(try refreshToken(second)).status == 401)
            #expect(
                await eventually(within: 5) {
                    try await social.send(.get, "/api/users/me", token: access).code == "token_revoked"
                })
            // Another log-in of the same user goes on.
            #expect(try await social.login("anna").status == 200)
        }
    }

    @Test func logOut() async throws {
        try await withSocial { social in
            let login = try await social.register("anna")
            let other = try await social.login("anna")
            let access = try #require(login.member("access_token"))
            let out = try await social.send(.post, "/api/users/logout", cookies: login.cookies)
            #expect(out.status == 200 && out.cookies == ["chorus_session": "", "chorus_refresh": ""])
            #expect(out.headers[values: .setCookie].allSatisfy { $0.hasSuffix("Max-Age=0") })
            #expect(try await social.refresh(try refreshToken(login)).status == 401)
            #expect(
                await eventually(within: 5) {
                    try await social.send(.get, "/api/users/me", token: access).code == "token_revoked"
                })
            #expect(try await social.refresh(try refreshToken(other)).status == 200)
            #expect(try await social.send(.post, "/api/users/logout").status == 200)
        }
    }

    /// A browser sends its session cookie whatever became of it: it is no reason to refuse the next log-in.
    @Test func aDeadCookieIsNoReasonToStayOut() async throws {
        try await withSocial { social in
            let first = try await social.register("anna")
            let second = try await social.login("anna")
            #expect(try await social.send(.post, "/api/users/logout", cookies: first.cookies).status == 200)
            #expect(
                await eventually(within: 5) {
                    try await social.send(.get, "/api/users/me", cookies: first.cookies).code == "token_revoked"
                })
            let body = #"{"username":"anna","password":"correct horse"}"#
            for dead in [try #require(first.cookies["chorus_session"]), "x", "eyJhbGciOiJub25lIn0.e30."] {
                #expect(
                    try await social.send(.post, "/api/users/login", body, cookies: ["chorus_session": dead]).status
                        == 200)
                #expect(
                    try await social.send(.post, "/api/users/logout", cookies: ["chorus_session": dead]).status == 200)
                let both = ["chorus_session": dead, "chorus_refresh": try refreshToken(second)]
                #expect(try await social.send(.post, "/api/users/token", cookies: both).status == 200)
                #expect(try await social.send(.get, "/api/users/me", cookies: both).status == 401)
            }
        }
    }

    @Test(arguments: ["", "x", String(repeating: "a", count: 43), "a; chorus_refresh=b"])
    func noRefreshToken(text: String) async throws {
        try await withSocial { social in
            let answer = try await social.refresh(text)
            #expect(answer.status == 401 && answer.code == "invalid_refresh_token")
            #expect(try await social.send(.post, "/api/users/token").status == 401)
        }
    }

    @Test func sessionsEndAndAreRemoved() async throws {
        try await withSocial(environment: ["SESSION_SECONDS": "3600"]) { social in
            let token = try refreshToken(try await social.register("anna"))
            _ = try await social.sql("UPDATE sessions SET expires_at = now() - interval '1 second'")
            #expect(try await social.refresh(token).status == 401)
            try await withPool(url: social.databaseURL) { pool async throws in
                // The service's own upkeep may have been here before.
                #expect(try await AccountStore(pool: pool).purge() <= 1)
            }
            #expect(try await social.sql("SELECT count(*) FROM sessions") == "0")
            #expect(try await social.sql("SELECT count(*) FROM refresh_tokens") == "0")
        }
    }
}

@Suite struct PasswordTests {
    private func withHasher(
        threads: Int = 1, queue: Int = 4, hash: PasswordHash = cheap, _ body: (PasswordHasher) async throws -> Void
    ) async throws {
        let hasher = PasswordHasher(settings: PasswordHasher.Settings(threads: threads, queueMax: queue, hash: hash))
        hasher.start()
        defer { hasher.stop() }
        try await body(hasher)
    }

    @Test func hashes() async throws {
        try await withHasher { hasher in
            let password = Array("correct horse".utf8)
            let hash = try await hasher.hash(password)
            #expect(hash.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
            #expect(try await hasher.hash(password) != hash)
            #expect(try await hasher.check(password, against: hash) == .init(isRight: true))
            #expect(try await hasher.check(Array("correct horsf".utf8), against: hash) == .init(isRight: false))
            #expect(try await hasher.check([], against: hash) == .init(isRight: false))
            #expect(try await hasher.check(password, against: nil) == .init(isRight: false))
            for broken in ["", "x", "$argon2id$", String(hash.dropLast()), String(repeating: "a", count: 1_000)] {
                #expect(try await hasher.check(password, against: broken) == .init(isRight: false))
            }
        }
    }

    @Test func theStandardIsWhatTheDocsSay() {
        PasswordHash.start()
        #expect(PasswordHash.standard.make(Array("x".utf8))?.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$") == true)
    }

    @Test func weakHashesAreReplaced() async throws {
        let strong = PasswordHash(memoryBytes: 16_384, passes: 2)
        let password = Array("correct horse".utf8)
        PasswordHash.start()
        let weak = try #require(cheap.make(password))
        try await withHasher(hash: strong) { hasher async throws in
            #expect(try await hasher.check(password, against: weak) == .init(isRight: true, isOutdated: true))
            #expect(try await hasher.check(password, against: try await hasher.hash(password)) == .init(isRight: true))
        }
        try await withSocial(hash: strong) { social in
            try await social.register("anna")
            _ = try await social.sql("UPDATE users SET password = '\(weak)'")
            #expect(try await social.login("anna").status == 200)
            #expect(try await social.sql("SELECT password FROM users").hasPrefix("$argon2id$v=19$m=16,t=2"))
            #expect(try await social.login("anna").status == 200)
        }
    }

    @Test func theQueueIsBounded() async throws {
        // 200 ms each, so that the queue is full before the first is done.
        let slow = PasswordHash(memoryBytes: 64 << 20, passes: 6)
        try await withHasher(queue: 4, hash: slow) { hasher in
            let outcomes = await withTaskGroup(of: String.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        do throws(APIError) {
                            _ = try await hasher.check(Array("x".utf8), against: nil)
                            return "done"
                        } catch {
                            return error.code
                        }
                    }
                }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes["busy", default: 0] >= 30 && outcomes["done", default: 0] >= 3, "\(outcomes)")
            #expect(hasher.refused == outcomes["busy"] && hasher.waiting == 0)
        }
    }
}
