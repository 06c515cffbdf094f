import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import SocialAPI

@Suite(.serialized) struct LoginLimitTests {
    @Test func guessesAreLimitedByAccountAndByAddress() async throws {
        try await withSocial(environment: ["LIMITS": "login:account=3/600 login:address=6/600 register:address=5/600"])
        { social in
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
