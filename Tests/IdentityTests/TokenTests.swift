import Foundation
import TestSupport
import Testing
import Wire

@testable import Identity

/// One set of keys for all tests: an RSA key takes a moment.
let tokens = TestTokens()

@Suite struct TokenTests {
    private static let now = 1_800_000_000.0
    private let rules = TokenRules(audience: "chorus", issuer: "https://issuer.example")

    private func keys(_ algorithms: [TestTokens.Algorithm] = TestTokens.Algorithm.allCases) async throws -> TokenKeys {
        try await TokenKeys(json: Data(try tokens.keySet(algorithms).utf8))
    }

    private func claims(_ more: String = "", exp: Double = 600) -> String {
        #"{"sub":"anna","iss":"https://issuer.example","aud":"chorus","iat":\#(Self.now),"exp":\#(Self.now + exp)\#(more)}"#
    }

    private func problem(_ token: String, now: Double = TokenTests.now) async throws -> TokenProblem? {
        do throws(TokenProblem) {
            _ = try rules.subject(of: token, keys: try await allKeys(), now: now)
            return nil
        } catch {
            return error
        }
    }

    private func allKeys() async throws(TokenProblem) -> TokenKeys {
        do { return try await keys() } catch { throw .invalid }
    }

    @Test(arguments: TestTokens.Algorithm.allCases)
    func goodTokens(algorithm: TestTokens.Algorithm) async throws {
        let token = try tokens.token(
            claims(#","role":"moderator","sid":"s-1","watch":["video:*"],"write":["video:v1"],"x":{"y":[1]}"#),
            algorithm)
        let subject = try rules.subject(of: token, keys: try await keys(), now: Self.now)
        #expect(
            subject
                == Subject(
                    id: "anna", role: .moderator, watch: ChannelPatterns(["video:*"]),
                    write: ChannelPatterns(["video:v1"]), session: "s-1", issuedAt: Self.now,
                    validUntil: Self.now + 660))
        // Each bit of the signature counts.
        var bytes = Array(token.utf8)
        bytes[bytes.count - 20] = bytes[bytes.count - 20] == 0x41 ? 0x42 : 0x41
        #expect(try await problem(String(decoding: bytes, as: UTF8.self)) == .invalid)
    }

    @Test func theKeySaysWhichAlgorithm() async throws {
        let signed = claims()
        // Unsigned.
        for alg in ["none", "None", "NONE", ""] {
            let header = #"{"alg":"\#(alg)","kid":"EdDSA"}"#
            let token = try tokens.token(signed, header: header)
            #expect(try await problem(token) == .invalid)
            #expect(try await problem(token.split(separator: ".").prefix(2).joined(separator: ".") + ".") == .invalid)
        }
        // The public key as the secret of an HMAC.
        #expect(try await problem(tokens.tokenWithPublicKeyAsSecret(signed)) == .invalid)
        // Another key's name, no name, and one that nobody has.
        #expect(
            try await problem(try tokens.token(signed, .es256, header: #"{"alg":"ES256","kid":"EdDSA"}"#)) == .invalid)
        #expect(try await problem(try tokens.token(signed, .es256, header: #"{"alg":"ES256"}"#)) == .invalid)
        #expect(try await problem(try tokens.token(signed, .es256, header: #"{"alg":"ES256","kid":"x"}"#)) == .invalid)
        #expect(
            try await problem(try tokens.token(signed, .hs256, header: #"{"alg":"HS384","kid":"HS256"}"#)) == .invalid)
        // The only key of a set needs no name.
        let only = try await keys([.es256])
        let token = try tokens.token(signed, .es256, header: #"{"alg":"ES256"}"#)
        #expect(try rules.subject(of: token, keys: only, now: Self.now).id == "anna")
    }

    @Test func aKeyOfSomebodyElse() async throws {
        let others = TestTokens()
        for algorithm in [TestTokens.Algorithm.edDSA, .es256, .rs256] {
            #expect(try await problem(try others.token(claims(), algorithm)) == .invalid)
        }
    }

    @Test(
        arguments: [
            (-61.0, TokenProblem.expired), (-60, .expired), (-59, nil), (600, nil), (1e12, .invalid), (-2e9, .invalid),
        ] as [(Double, TokenProblem?)])
    func expiry(exp: Double, expected: TokenProblem?) async throws {
        #expect(try await problem(try tokens.token(claims(exp: exp))) == expected)
    }

    @Test(arguments: [
        #""nbf":1800000061"#, #""iat":1800000061"#, #""nbf":"1""#, #""exp":"1900000000""#, #""exp":null"#,
        #""aud":"other""#,
        #""aud":[]"#, #""aud":["a","b"]"#, #""aud":{"chorus":1}"#, #""iss":"other""#,
        #""iss":["https://issuer.example"]"#,
        #""sub":"""#, #""sub":"a b""#, #""sub":1"#, #""sub":null"#, #""role":"root""#, #""role":["user"]"#,
        #""role":null"#,
        #""watch":"video:*""#, #""watch":["nonsense"]"#, #""watch":[1]"#, #""write":{}"#, #""sid":7"#, #""sid":"a b""#,
    ])
    func badClaims(claim: String) async throws {
        let name = claim.split(separator: ":")[0]
        var members = [
            #""sub":"anna""#, #""iss":"https://issuer.example""#, #""aud":"chorus""#, #""exp":1800000600"#,
        ].filter { !$0.hasPrefix(name) }
        let whole = members + [claim]
        #expect(try await problem(try tokens.token("{" + whole.joined(separator: ",") + "}")) == .invalid)
        // And when it is missing, where it must be there.
        if members.count == 3 {
            #expect(try await problem(try tokens.token("{" + members.joined(separator: ",") + "}")) == .invalid)
        }
        // Twice, the good one first or last.
        members = [#""sub":"anna""#, #""iss":"https://issuer.example""#, #""aud":"chorus""#, #""exp":1800000600"#]
        for twice in [members + [members[0]], [#""sub":"bert""#] + members, members + [#""exp":1900000000"#]] {
            #expect(try await problem(try tokens.token("{" + twice.joined(separator: ",") + "}")) == .invalid)
        }
        #expect(try await problem(try tokens.token("{" + members.joined(separator: ",") + "}")) == nil)
    }

    @Test func clocksThatDiffer() async throws {
        for skew in [-59.0, 0, 59] {
            let token = try tokens.token(claims(#","nbf":\#(Self.now)"#, exp: 1))
            #expect(try await problem(token, now: Self.now + skew) == nil)
        }
        #expect(try await problem(try tokens.token(claims()), now: Self.now - 61) == .invalid)
        #expect(try await problem(try tokens.token(claims(exp: 1)), now: Self.now + 61) == .expired)
    }

    @Test func severalAudiences() async throws {
        let whole = claims().replacing(#""aud":"chorus""#, with: #""aud":["other","chorus"]"#)
        #expect(try await problem(try tokens.token(whole)) == nil)
    }

    @Test func brokenForms() async throws {
        let good = try tokens.token(claims())
        #expect(try await problem(good) == nil)
        let parts = good.split(separator: ".").map(String.init)
        for token in [
            "", ".", "..", "...", good + ".", "." + good, good + "=", parts[0] + "." + parts[1],
            parts[0] + "=." + parts[1] + "." + parts[2],
            good.replacing(".", with: ". "), good + "\n", good.uppercased(), parts[1] + "." + parts[0] + "." + parts[2],
            parts[0] + "." + parts[1] + "." + String(parts[2].dropLast()), String(repeating: "a", count: 5_000),
            String(repeating: ".", count: 100_000),
        ] {
            #expect(try await problem(token) == .invalid, "\(token.prefix(80))")
        }
        // One byte too many in all, and what just fits.
        let room = 4_096 - (try tokens.token(claims(#","x":"""#))).utf8.count
        let fits = try tokens.token(claims(#","x":"\#(String(repeating: "a", count: room * 3 / 4 - 3))""#))
        #expect(fits.utf8.count <= 4_096 && fits.utf8.count > 4_000)
        #expect(try await problem(fits) == nil)
        let huge = try tokens.token(claims(#","x":"\#(String(repeating: "a", count: room * 3 / 4 + 3))""#))
        #expect(huge.utf8.count > 4_096)
        #expect(try await problem(huge) == .invalid)
        for header in [
            #"{"alg":"EdDSA","kid":"EdDSA","crit":["exp"]}"#, #"{"alg":"EdDSA","alg":"EdDSA","kid":"EdDSA"}"#,
            #"{"alg":["EdDSA"],"kid":"EdDSA"}"#, #"{"kid":"EdDSA"}"#, #"{"alg":"EdDSA","kid":1}"#, "[]", "", "{}",
        ] {
            #expect(try await problem(try tokens.token(claims(), header: header)) == .invalid, "\(header)")
        }
    }

    @Test func spareBitsAreRefused() {
        // "YQ" is "a"; "YR" has bits behind it.
        #expect(Base64URL.decode("YQ".utf8) == [0x61] && Base64URL.decode("YR".utf8) == nil)
        for text in ["Y", "YQ==", "YQ=", "Y Q", "Y+Q", "Y/Q", "YQ\n"] {
            #expect(Base64URL.decode(text.utf8) == nil, "\(text)")
        }
        for count in 0...66 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
        }
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"keys":[]}"#, #"{"keys":{}}"#, #"{"keys":[{"kty":"oct","k":"c2hvcnQ","kid":"a"}]}"#,
        #"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#,
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":""}]}"#,
        #"{"keys":[{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}]}"#, #"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#,
        #"{"keys":[{"kid":1}]}"#,
    ])
    func noKeySet(json: String) async {
        await #expect(throws: KeyProblem.self) { try await TokenKeys(json: Data(json.utf8)) }
    }

    @Test func keysOfOtherKindsArePassedOver() async throws {
        let set = try tokens.keySet([.edDSA]).replacing(
            #"{"keys":["#,
            with: #"{"keys":[{"kty":"EC","crv":"P-384"},{"kty":"RSA","use":"enc"},{"kty":"RSA","alg":"RS512"},"#)
        #expect(try await TokenKeys(json: Data(set.utf8)).count == 1)
        let twice = try #"{"keys":[\#(tokens.key(.edDSA)),\#(tokens.key(.edDSA))]}"#
        await #expect(throws: KeyProblem.self) { try await TokenKeys(json: Data(twice.utf8)) }
    }
}
