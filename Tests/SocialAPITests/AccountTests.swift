import Foundation
import HTTPTypes
import RedisNIO
import TestSupport
import Testing

@testable import SocialAPI

@Suite(.serialized) struct AccountTests {
    @Test func registerAndLogIn() async throws {
        try await withSocial { social in
            let answer = try await social.register("anna_1")
            #expect(
                answer.status == 201 && answer.member("username") == "anna_1"
                    && answer.body.contains(#""expires_in":900"#))
            #expect(answer.member("email") == "anna_1@example.org")
            #expect(answer.headers[.cacheControl] == "no-store")
            let cookies = answer.headers[values: .setCookie]
            #expect(
                cookies.contains {
                    $0.hasPrefix("chorus_session=ey")
                        && $0.hasSuffix("; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=900")
                })
            #expect(
                cookies.contains {
                    $0.hasPrefix("chorus_refresh=")
                        && $0.contains("; Path=/api/users; HttpOnly; Secure; SameSite=Strict; Max-Age=")
                })
            let login = try await social.login("anna_1")
            #expect(login.status == 200 && login.member("access_token") == login.cookies["chorus_session"])
            let token = try #require(login.member("access_token"))
            let own = try await social.send(.get, "/api/users/me", token: token)
            #expect(own.status == 200 && own.member("id") == "anna_1" && own.member("email") != nil)
            let byCookie = try await social.send(.get, "/api/users/me", cookies: login.cookies)
            #expect(byCookie.body == own.body)
            // Others do not see the address.
            let other = try await social.send(.get, "/api/users/anna_1")
            #expect(other.status == 200 && other.member("email") == nil)
            #expect(try await social.send(.get, "/api/users/nobody_here").code == "user_not_found")
            // Nothing in the database is a password or a token.
            let dump = try await social.sql(
                "SELECT u::text, s::text, r::text FROM users u, sessions s, refresh_tokens r")
            #expect(dump.contains("$argon2id$") && !dump.contains("correct horse"))
            for secret in [try #require(login.cookies["chorus_refresh"]), token] { #expect(!dump.contains(secret)) }
        }
    }

    @Test func namesAreTakenOnceAndAddressesAreNoOracle() async throws {
        try await withSocial { social in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { try await social.register("anna").status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201] + Array(repeating: 409, count: 7))
            #expect(try await social.register("anna").code == "username_taken")
            let same = try await social.send(
                .post, "/api/users/register", #"{"username":"bert","email":"anna@example.org","password":"12345678"}"#)
            #expect(same.status == 201)
            for name in ["moderator", "service", "login"] { #expect(try await social.register(name).status == 409) }
        }
    }

    @Test(arguments: [
        #"{"username":"an","email":"a@b","password":"12345678"}"#,
        #"{"username":"Anna","email":"a@b","password":"12345678"}"#,
        #"{"username":"a-b-c","email":"a@b","password":"12345678"}"#,
        #"{"username":"anna","email":"ab","password":"12345678"}"#,
        #"{"username":"anna","email":"a@b@c","password":"12345678"}"#,
        #"{"username":"anna","email":"a @b","password":"12345678"}"#,
        #"{"username":"anna","email":"@b","password":"12345678"}"#,
        #"{"username":"anna","email":"a@b","password":"1234567"}"#,
        #"{"username":"anna","email":"a@b"}"#, #"{"username":"anna","password":"12345678"}"#,
        #"{"email":"a@b","password":"12345678"}"#,
        #"{"username":"anna","email":"a@b","password":12345678}"#, "{}", "[]", "",
    ])
    func badRegistrations(json: String) async throws {
        try await withSocial { social in
            let answer = try await social.send(.post, "/api/users/register", json)
            #expect(answer.status == 400 && answer.code != nil, "\(answer.body)")
            let long = String(repeating: "x", count: 257)
            #expect(try await social.register("anna", password: long).status == 400)
            #expect(try await social.register("anna", password: String(long.dropLast())).status == 201)
        }
    }

    @Test func aWrongPasswordAndAnUnknownNameAreAnsweredAlike() async throws {
        try await withSocial(hash: PasswordHash(memoryBytes: 19 << 20, passes: 2)) { social in
            try await social.register("anna")
            var times: [String: [Duration]] = [:]
            var answers: Set<String> = []
            for _ in 0..<8 {
                for name in ["anna", "nobody", "not a name"] {
                    let start = ContinuousClock.now
                    let answer = try await social.login(name, password: "wrong password")
                    times[name, default: []].append(.now - start)
                    #expect(answer.status == 401 && answer.cookies.isEmpty)
                    answers.insert(answer.body)
                }
            }
            #expect(answers.count == 1)
            // The same work, so that the least time of eight is about the same.
            let least = times.mapValues { $0.min() ?? .zero }
            let (low, high) = (try #require(least.values.min()), try #require(least.values.max()))
            #expect(high < low * 2, "\(least)")
            #expect(low > .milliseconds(5))
        }
    }

    @Test func changes() async throws {
        try await withSocial { social in
            let first = try await social.register("anna")
            let second = try await social.login("anna")
            let token = try #require(second.member("access_token"))
            let named = try await social.send(
                .patch, "/api/users/me", #"{"display_name":"Anna é 😀","bio":"a\nb"}"#, token: token)
            #expect(named.status == 200 && named.member("display_name") == "Anna é 😀")
            #expect(try await social.send(.patch, "/api/users/me", #"{"bio":""}"#, token: token).member("bio") == "")
            // What takes an account over needs its password.
            for json in [#"{"password":"new password"}"#, #"{"email":"x@y"}"#] {
                #expect(try await social.send(.patch, "/api/users/me", json, token: token).status == 400)
                let wrong = json.dropLast() + #","current_password":"wrong"}"#
                #expect(
                    try await social.send(.patch, "/api/users/me", String(wrong), token: token).code == "wrong_password"
                )
            }
            let changed = try await social.send(
                .patch, "/api/users/me", #"{"password":"new password","current_password":"correct horse"}"#,
                token: token)
            #expect(changed.status == 200)
            #expect(try await social.login("anna").status == 401)
            #expect(try await social.login("anna", password: "new password").status == 200)
            // The other log-in is over, this one is not.
            #expect(try await social.refresh(try #require(first.cookies["chorus_refresh"])).status == 401)
            #expect(try await social.refresh(try #require(second.cookies["chorus_refresh"])).status == 200)
            let old = try #require(first.member("access_token"))
            #expect(
                await eventually(within: 5) {
                    try await social.send(.get, "/api/users/me", token: old).code == "token_revoked"
                })
            #expect(try await social.send(.get, "/api/users/me", token: token).status == 200)
            for json in [
                #"{"display_name":"\#(String(repeating: "x", count: 51))"}"#, #"{"bio":"\u0007"}"#, #"{"bio":1}"#,
            ] {
                #expect(try await social.send(.patch, "/api/users/me", json, token: token).status == 400)
            }
        }
    }

    @Test func suspensions() async throws {
        try await withSocial { social in
            let anna = try await social.register("anna")
            try await social.register("mod")
            _ = try await social.sql("UPDATE users SET role = 'moderator' WHERE user_id = 'mod'")
            let moderator = try #require(try await social.login("mod").member("access_token"))
            let token = try #require(anna.member("access_token"))
            #expect(
                try await social.send(.put, "/api/users/mod/suspension", #"{"seconds":60}"#, token: token).status == 403
            )
            #expect(
                try await social.send(.put, "/api/users/nobody/suspension", #"{"seconds":60}"#, token: moderator).status
                    == 404)
            #expect(
                try await social.send(.put, "/api/users/anna/suspension", #"{"seconds":0}"#, token: moderator).status
                    == 400)
            #expect(
                try await social.send(.put, "/api/users/anna/suspension", #"{"seconds":60}"#, token: moderator).status
                    == 200)
            #expect(
                await eventually(within: 5) {
                    try await social.send(.get, "/api/users/me", token: token).code == "account_suspended"
                })
            #expect(try await social.login("anna").code == "account_suspended")
            #expect(try await social.login("anna", password: "wrong").code == "invalid_credentials")
            #expect(try await social.refresh(try #require(anna.cookies["chorus_refresh"])).code == "account_suspended")
            // A Redis that loses its data is told again.
            _ = try await social.redis.send(RedisCommand("FLUSHALL"))
            #expect(
                await eventually(within: 5) {
                    try await social.redis.send(RedisCommand("EXISTS", "identity:revocations")).integer == 1
                })
            #expect(try await social.send(.delete, "/api/users/anna/suspension", token: moderator).status == 200)
            #expect(
                await eventually(within: 5) { try await social.send(.get, "/api/users/me", token: token).status == 200 }
            )
        }
    }
}
