import Foundation
import Primitives
import TestSupport
import Testing

@testable import Identity

@Suite struct AuthenticatorTests {
    /// A clock that a test moves.
    private final class Clock: Sendable {
        private let seconds: Mutex<Double>
        init(_ start: Double = Date().timeIntervalSince1970) { seconds = Mutex(start) }
        func advance(_ by: Double) { seconds.withLock { $0 += by } }
        var now: Double { seconds.withLock { $0 } }
    }

    private func withAuthenticator(
        _ mode: Authenticator.Mode = .optional, remembered: Int = 100, keys: String? = nil,
        _ body: (Authenticator, Clock, String) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/keys.json"
            try Data((keys ?? tokens.keySet()).utf8).write(to: URL(fileURLWithPath: path))
            let clock = Clock()
            let file = KeyFile(path: path) { UInt64(clock.now * 1e9) }
            try await body(
                Authenticator(
                    mode: mode, keyFile: file,
                    secrets: [
                        SharedSecret("a-secret-of-services", role: .service),
                        SharedSecret("a-secret-of-moderators", role: .moderator),
                    ], remembered: remembered, now: { clock.now }), clock, path)
        }
    }

    private func outcome(_ authenticator: Authenticator, _ credentials: Credentials) async -> String {
        do throws(TokenProblem) {
            let found = try await authenticator.authenticate(credentials)
            switch found.caller {
            case .unchecked: return "unchecked"
            case .anonymous: return "anonymous"
            case .user(let subject): return "\(subject.id)\(found.isFromCookie ? " by cookie" : "")"
            }
        } catch {
            return error.rawValue
        }
    }

    @Test func whereATokenMayStand() async throws {
        try await withAuthenticator { authenticator, _, _ in
            let anna = try tokens.token(of: "anna")
            let bert = try tokens.token(of: "bert")
            for (authorization, cookies, expected) in [
                ([], [], "anonymous"), (["Bearer \(anna)"], [], "anna"), (["bearer \(anna)"], [], "anna"),
                ([], ["a=b; chorus_session=\(anna); c"], "anna by cookie"),
                ([], ["a=b", "chorus_session=\(anna)"], "anna by cookie"),
                (["Bearer \(anna)"], ["chorus_session=\(anna)"], "anna"),
                (["Bearer \(anna)"], ["chorus_session=\(bert)"], "ambiguous_credentials"),
                (["Bearer \(anna)", "Bearer \(anna)"], [], "ambiguous_credentials"),
                ([], ["chorus_session=\(anna); chorus_session=\(bert)"], "ambiguous_credentials"),
                (["Bearer"], [], "invalid_token"), (["Bearer "], [], "invalid_token"),
                (["Bearer x y"], [], "invalid_token"),
                (["Basic \(anna)"], [], "anonymous"), ([], ["chorus_session="], "invalid_token"),
                ([], ["xchorus_session=\(anna)"], "anonymous"), (["Bearer a-secret-of-services"], [], "service"),
                (["Bearer a-secret-of-moderators"], [], "moderator"),
                (["Bearer a-secret-of-moderatorS"], [], "invalid_token"),
            ] as [([String], [String], String)] {
                let found = await outcome(authenticator, Credentials(authorization: authorization, cookies: cookies))
                #expect(found == expected, "\(authorization) \(cookies)")
            }
        }
    }

    @Test func switchedOff() async throws {
        try await withAuthenticator(.off) { authenticator, _, _ in
            let anna = try tokens.token(of: "anna")
            for (authorization, expected) in [
                ([], "unchecked"), (["Bearer a-secret-of-moderators"], "moderator"),
                (["Bearer \(anna)"], "invalid_token"),
                (["Basic x"], "unchecked"),
            ] as [([String], String)] {
                let found = await outcome(
                    authenticator, Credentials(authorization: authorization, cookies: ["chorus_session=\(anna)"]))
                #expect(found == expected)
            }
        }
        let nobody = Authenticator(mode: .off)
        #expect(await outcome(nobody, Credentials(authorization: ["Bearer x"])) == "unchecked")
    }

    @Test func tokensAreRememberedWithABound() async throws {
        try await withAuthenticator(remembered: 10) { authenticator, clock, _ in
            for number in 0..<200 {
                let token = try tokens.token(of: "user\(number)")
                #expect(try await authenticator.subject(of: token).id == "user\(number)")
                #expect(try await authenticator.subject(of: token).id == "user\(number)")
            }
            #expect(authenticator.rememberedCount <= 10 && authenticator.rememberedCount > 0)
            // What is remembered expires all the same.
            let short = try tokens.token(of: "anna", seconds: 5)
            #expect(try await authenticator.subject(of: short).id == "anna")
            clock.advance(64)
            #expect(try await authenticator.subject(of: short).id == "anna")
            clock.advance(2)
            await #expect(throws: TokenProblem.expired) { try await authenticator.subject(of: short) }
        }
    }

    @Test func keysAreReadAgain() async throws {
        try await withAuthenticator(keys: try tokens.keySet([.edDSA])) { authenticator, clock, path in
            let old = try tokens.token(of: "anna")
            #expect(try await authenticator.subject(of: old).id == "anna")
            // A file that cannot be read, or read as keys, changes nothing, and is said.
            for content in ["{", #"{"keys":[]}"#] {
                try Data(content.utf8).write(to: URL(fileURLWithPath: path))
                clock.advance(2)
                #expect(try await authenticator.subject(of: old).id == "anna")
                #expect(authenticator.keyFile?.problem != nil)
            }
            try FileManager.default.removeItem(atPath: path)
            clock.advance(2)
            #expect(try await authenticator.subject(of: old).id == "anna")
            #expect(authenticator.keyFile?.problem == "it cannot be read")
            // Other keys: what the old ones signed is not accepted any more, remembered or not.
            try Data(TestTokens().keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
            clock.advance(2)
            await #expect(throws: TokenProblem.invalid) { try await authenticator.subject(of: old) }
            #expect(authenticator.keyFile?.problem == nil)
            try Data(try tokens.keySet([.edDSA]).utf8).write(to: URL(fileURLWithPath: path))
            clock.advance(2)
            #expect(try await authenticator.subject(of: old).id == "anna")
        }
    }

    @Test func aSecretMatchesItselfOnly() {
        let secret = SharedSecret("0123456789abcdef", role: .moderator)
        #expect(secret.matches("0123456789abcdef"))
        for other in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "1123456789abcdef"] {
            #expect(!secret.matches(other))
        }
        #expect("\(secret)" == "***")
        var shown = ""
        dump(secret, to: &shown)
        #expect(!shown.contains("48"))
    }

    @Test func revocations() async throws {
        try await withAuthenticator { authenticator, clock, _ in
            let anna = try tokens.token(of: "anna", #","sid":"s1""#)
            let other = try tokens.token(of: "anna", #","sid":"s2""#)
            _ = try await (authenticator.subject(of: anna), authenticator.subject(of: other))
            authenticator.apply([Revocation(.session, "s1", until: clock.now + 100)])
            await #expect(throws: TokenProblem.revoked) { try await authenticator.subject(of: anna) }
            #expect(try await authenticator.subject(of: other).id == "anna")
            authenticator.apply([Revocation(.user, "anna", issuedUpTo: clock.now + 5, until: clock.now + 100)])
            await #expect(throws: TokenProblem.revoked) { try await authenticator.subject(of: other) }
            clock.advance(10)
            let now = clock.now
            let later = try tokens.token(#"{"sub":"anna","iat":\#(now),"exp":\#(now + 600)}"#)
            #expect(try await authenticator.subject(of: later).id == "anna")
            authenticator.apply([Revocation(.suspension, "anna", until: clock.now + 50)])
            await #expect(throws: TokenProblem.suspended) { try await authenticator.subject(of: later) }
            authenticator.apply([Revocation(.lift, "anna", until: 0)])
            #expect(try await authenticator.subject(of: later).id == "anna")
            authenticator.apply([Revocation(.suspension, "anna", until: clock.now + 50)])
            clock.advance(51)
            #expect(try await authenticator.subject(of: later).id == "anna")
        }
    }

    @Test func revocationsAreBoundedAndNoneInForceIsForgotten() {
        var all = Revocations()
        for number in 0..<(3 * Revocations.max) {
            // A tenth is long-lived.
            all.apply(
                Revocation(.session, "s\(number)", until: number % 10 == 0 ? 1e9 : Double(number) + 10),
                now: Double(number))
        }
        #expect(all.count < 2 * Revocations.max)
        for number in stride(from: 0, to: 3 * Revocations.max, by: 1_000) {
            #expect(all.problem(of: Subject(id: "x", session: "s\(number)"), now: 1e6) == .revoked)
        }
    }
}
