import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import SocialAPI

@Suite(.serialized) struct LoginLimitTests {
    @Test func guessesAreLimitedByAccountAndByAddress() async throws {
        let limits = "login:account=3/600 login:account_address=off login:address=6/600 register:address=5/600"
        try await withSocial(environment: ["LIMITS": limits]) { social in
            try await social.register("anna")
            for number in 0..<5 {
                let answer = try await social.login("anna", password: "wrong password")
                #expect(answer.status == (number < 3 ? 401 : 429), "\(number)")
            }
            // The right password does not get through either, and a name that nobody has is limited alike.
            #expect(try await social.login("anna").status == 429)
            var statuses: [Int] = []
            for name in ["bert", "carl", "dora", "emil"] { statuses.append(try await social.login(name).status) }
            #expect(statuses == [401, 401, 401, 429])
            for number in 0..<6 {
                #expect(try await social.register("user\(number)").status == (number < 4 ? 201 : 429))
            }
        }
    }

    /// Who guesses wrong on purpose keeps nobody else out: but for many addresses together.
    @Test func guessesOfOneAddressAreNotTheOwners() async throws {
        let limits = "login:account=7/600 login:account_address=3/600 login:address=off"
        try await withSocial(environment: ["LIMITS": limits, "TRUSTED_PROXIES": "127.0.0.1,::1"], isLive: true) {
            social in
            func login(_ address: String, _ password: String = "correct horse") async throws -> Int {
                var headers = HTTPFields()
                headers[try #require(HTTPField.Name("X-Forwarded-For"))] = address
                let body = #"{"username":"anna","password":"\#(password)"}"#
                return try await social.send(.post, "/api/users/login", body, headers: headers).status
            }
            try await social.register("anna")
            for number in 0..<5 {
                #expect(try await login("9.9.9.9", "wrong password") == (number < 3 ? 401 : 429), "\(number)")
            }
            #expect(try await login("1.2.3.4") == 200)
            #expect(try await login("2001:db8::1") == 200)
            for number in 0..<3 {
                #expect(try await login("2001:db8::9:\(number)", "wrong password") == (number < 2 ? 401 : 429))
            }
            #expect(try await login("1.2.3.5") == 429)
        }
    }

    @Test func pagesOfOtherOriginsLogNobodyIn() async throws {
        try await withSocial { social in
            let login = try await social.register("anna")
            let body = #"{"username":"anna","password":"correct horse"}"#
            for (origin, isAllowed) in [("https://evil.org", false), ("null", false)] {
                var headers = HTTPFields()
                headers[.origin] = origin
                headers[try #require(HTTPField.Name("Sec-Fetch-Site"))] = "cross-site"
                let answer = try await social.send(.post, "/api/users/login", body, headers: headers)
                #expect((answer.status == 200) == isAllowed && answer.code == "cross_origin")
                for path in ["token", "logout"] {
                    let cookies = ["chorus_refresh": try #require(login.cookies["chorus_refresh"])]
                    let answer = try await social.send(.post, "/api/users/\(path)", cookies: cookies, headers: headers)
                    #expect(answer.code == "cross_origin")
                }
            }
            #expect(try await social.refresh(try #require(login.cookies["chorus_refresh"])).status == 200)
        }
    }
}
