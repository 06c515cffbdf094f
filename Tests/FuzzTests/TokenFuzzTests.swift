import Foundation
import Placement
import TestSupport
import Testing

@testable import Identity

private let tokens = TestTokens()

extension FuzzTests {
    /// Tokens with and without mistakes, most of them signed after the mistake was made, so that the claims are read: what is
    /// accepted says what Foundation's parser reads in it, and nothing that was changed after signing is accepted.
    @Test func tokenTexts() async throws {
        let keys = try await TokenKeys(json: Data(tokens.keySet([.edDSA, .hs256]).utf8))
        let rules = TokenRules(audience: "chorus")
        let now = 1_800_000_000.0
        let mistakes = [
            ".", "=", "-", "_", "{", "}", "[", "]", "\"", ",", ":", "null", "1e999", "-1", "\"exp\":1,",
            "\"sub\":\"x\",",
            "\"alg\":\"none\",", "\"aud\":[\"chorus\"],", "\"role\":\"service\",", "\"watch\":[\"*\"],",
            "\"watch\":[],", "\\u0061",
            "\u{0}", "é", "eyJ", "AAAA",
        ]
        fuzz(
            "tokenTexts", tokens: mistakes,
            make: { random -> (Made, [UInt8]) in
                let made = Made(&random, now: now)
                return (made, Array(made.claims.utf8))
            }
        ) { made, input, random in
            // With a meaning, the claims are right; without, they have mistakes. Both are signed, and then one in two of the
            // wrong ones is spoilt once more.
            let claims = Data(input)
            let header = #"{"alg":"HS256","kid":"HS256"}"#
            let signed = TestTokens.base64(header.utf8) + "." + TestTokens.base64(claims)
            var text = signed + "." + TestTokens.base64(try tokens.signature(of: Data(signed.utf8), .hs256))
            var isSpoilt = false
            if made == nil, random.below(2) == 0 {
                var bytes = Array(text.utf8)
                Mutator(tokens: mistakes).mutate(&bytes, &random)
                let spoilt = String(decoding: bytes, as: UTF8.self)
                isSpoilt = spoilt != text
                text = spoilt
            }
            do throws(TokenProblem) {
                let subject = try rules.subject(of: text, keys: keys, now: now)
                if isSpoilt { return .wrong("accepted though it was changed after it was signed: \(text)") }
                // Foundation refuses a number that is too large for it, also in a claim that nobody reads.
                let inRange = String(decoding: input, as: UTF8.self)
                    .replacingOccurrences(of: "[eE][+]?[0-9]{3,}", with: "e1", options: .regularExpression)
                func object(_ data: Data) -> [String: Any]? {
                    (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
                }
                let oracle = object(claims) ?? object(Data(inRange.utf8))
                let audiences = (oracle?["aud"] as? [Any] ?? [oracle?["aud"] as Any]).compactMap { $0 as? String }
                guard let oracle, oracle["sub"] as? String == subject.id,
                    let exp = (oracle["exp"] as? NSNumber)?.doubleValue, let end = subject.validUntil,
                    abs(exp + TokenRules.leeway - end) < 0.001,
                    oracle["role"] as? String ?? "user" == subject.role.rawValue, audiences.contains("chorus")
                else { return .wrong("\(subject) and \(oracle as Any)") }
                if let made, made.user != subject.id { return .wrong("another subject: \(subject)") }
                return .accepted
            } catch {
                return made == nil ? .refused : .wrong("a good token is refused: \(error)")
            }
        }
    }

    private struct Made {
        let user: String
        let claims: String

        init(_ random: inout Xoshiro256, now: Double) {
            user = random.one(of: ["anna", "b", "user:7", String(repeating: "x", count: 128)])
            var members = [
                "\"sub\":\"\(user)\"", "\"exp\":\(now + Double(random.below(100_000)))",
                random.one(of: ["\"aud\":\"chorus\"", "\"aud\":[\"other\",\"chorus\"]"]),
            ]
            if random.below(2) == 0 { members.append("\"role\":\"\(random.one(of: Role.allCases.map(\.rawValue)))\"") }
            if random.below(2) == 0 { members.append("\"watch\":[\"video:*\",\"photo:p\(random.below(9))\"]") }
            if random.below(3) == 0 { members.append("\"x\":{\"y\":[1,null,\"\\u00e9\"]}") }
            if random.below(3) == 0 { members.append("\"iat\":\(now - Double(random.below(1000)))") }
            claims = "{" + members.joined(separator: random.one(of: [",", " , ", ",\n"])) + "}"
        }
    }
}
