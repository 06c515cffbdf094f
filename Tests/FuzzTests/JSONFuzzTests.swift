import Foundation
import Placement
import Testing
import Wire

@testable import ServiceRuntime

extension FuzzTests {
    /// The bodies of requests against Foundation's parser: what is accepted means the same to both. What Foundation
    /// accepts and this one does not is one of its rules beyond RFC 8259.
    @Test func requestBodies() {
        let tokens = [
            "{", "}", "[", "]", "\"", ":", ",", "\\u", "\\ud83d", "\\udc00", "\\\"", "\\", "null", "true", "-", "0",
            "1e9",
            "1e400", "-0", ".5", "9007199254740993", "\u{FEFF}", "\u{0}", "é", "e\u{301}", "\"a\":1,", " ", "\n", "//",
            "1E+2",
        ]
        fuzz("requestBodies", tokens: tokens, make: { random in ((), Array(JSONSamples.object(&random).utf8)) }) {
            _, input, _ in
            let oracle = try? JSONSerialization.jsonObject(with: Data(input)) as? [String: Any]
            do {
                let object = try input.withUnsafeBytes { try JSONScanner.object($0) }
                guard let oracle else { return .wrong("only the scanner accepts it") }
                return object.agrees(with: oracle) || JSONSamples.holdsMark(input)
                    ? .accepted : .wrong("\(object.members) and \(oracle)")
            } catch let problem as JSONProblem {
                guard oracle != nil else { return .refused }
                return JSONSamples.isStricter(problem, input)
                    ? .refused : .wrong("only Foundation accepts it: \(problem)")
            }
        }
    }

    /// What is written comes back, whatever the text.
    @Test func writtenJSON() {
        fuzz(
            "writtenJSON", tokens: ["\"", "\\", "\n", "\r", "\u{7F}", "\u{2028}", "\u{2029}", "😀", "\u{0}"],
            make: { random in
                ((), (0..<random.below(12)).flatMap { _ in Array(random.one(of: JSONSamples.texts).utf8) })
            }
        ) { _, input, _ in
            guard let text = String(validating: input, as: UTF8.self) else { return .refused }
            var json = JSONText()
            json.member("text", text)
            let bytes = json.finished()
            // A line break would end the line of an event.
            guard !bytes.contains(where: { $0 < 0x20 }) else { return .wrong("raw control character") }
            let read = try bytes.withUnsafeBytes { try JSONScanner.object($0) }
            let oracle = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
            guard case .string(let found) = read["text"], found.utf8.elementsEqual(text.utf8),
                JSONSamples.holdsMark(input) || (oracle?["text"] as? String)?.utf8.elementsEqual(text.utf8) == true
            else { return .wrong("\(read["text"] as Any)") }
            return .accepted
        }
    }
}

private enum JSONSamples {
    static let texts = [
        "a", "userid", "é", "e\u{301}", "😀", "\u{2028}", "\u{10FFFF}", "\u{7F}", " ", "'", "/", "𝄞", "\u{FEFF}",
        "\u{301}",
    ]
    private static let escapes = [
        "\\n", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\t", "\\u0041", "\\u00e9", "\\ud83d\\ude00",
    ]
    private static let numbers = [
        "0", "-0", "1", "-1.5e2", "1E+2", "1e-3", "0.1", "123456789012345678", "9007199254740993", "1e308", "5e-324",
        "2.50",
    ]

    static func object(_ random: inout Xoshiro256, depth: Int = 0) -> String {
        let count = random.below(40) == 0 ? 70 : random.below(5)
        let members = (0..<count).map { number in
            let name = random.below(12) == 0 ? "\"same\"" : string(&random, end: "\(number)")
            return name + space(&random) + ":" + space(&random) + value(&random, depth: depth + 1)
        }
        return space(&random) + "{" + space(&random) + members.joined(separator: space(&random) + ",") + "}"
            + space(&random)
    }

    private static func value(_ random: inout Xoshiro256, depth: Int) -> String {
        switch random.below(depth > 4 ? 6 : 9) {
        case 0, 1: return string(&random, end: "")
        case 2: return random.one(of: numbers)
        case 3: return "true"
        case 4: return "false"
        case 5: return "null"
        case 6: return object(&random, depth: depth)
        case 7:
            return "[" + (0..<random.below(4)).map { _ in value(&random, depth: depth + 1) }.joined(separator: ",")
                + "]"
        default:
            let levels = 1 + random.below(40)
            return String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
    }

    private static func string(_ random: inout Xoshiro256, end: String) -> String {
        let parts = (0..<random.below(5)).map { _ in random.one(of: random.below(3) == 0 ? escapes : texts) }
        return "\"" + parts.joined() + end + "\""
    }

    private static func space(_ random: inout Xoshiro256) -> String {
        random.one(of: ["", "", "", " ", "\n", "\t", "\r\n"])
    }

    /// Foundation drops byte order marks at the beginning of a text and behind its escapes.
    static func holdsMark(_ input: [UInt8]) -> Bool {
        input.indices.contains { input[$0...].starts(with: [0xEF, 0xBB, 0xBF]) }
    }

    /// What the scanner refuses by a rule of its own.
    static func isStricter(_ problem: JSONProblem, _ input: [UInt8]) -> Bool {
        let rules = [
            "the JSON is nested too deeply", "a member of the JSON object is given twice",
            "the JSON object has too many members",
            "the JSON holds half a character",
        ]
        // Foundation takes a comma behind the last element.
        let before = input.prefix(problem.offset).last { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        let isTrailingComma =
            before == UInt8(ascii: ",")
            && input.dropFirst(problem.offset).first.map { [0x5D, 0x7D].contains($0) } ?? false
        // Foundation guesses UTF-16 and UTF-32, with and without a byte order mark. RFC 8259 knows UTF-8 alone.
        return isTrailingComma || rules.contains(problem.sentence) || input.starts(with: [0xEF, 0xBB, 0xBF])
            || input.prefix(4).contains(0)
    }
}

extension JSONObject {
    fileprivate func agrees(with other: [String: Any]) -> Bool {
        // Swift compares strings by canonical equivalence, and so do both parsers' tables.
        members.count == other.count
            && members.allSatisfy { name, value in other[name].map { value.agrees(with: $0) } ?? false }
    }
}

extension JSONObject.Value {
    fileprivate func agrees(with other: Any) -> Bool {
        switch self {
        case .string(let text): (other as? String)?.utf8.elementsEqual(text.utf8) ?? false
        case .number(let number):
            !(other is Bool && !(other is NSNumber)) && (other as? NSNumber)?.doubleValue == number
        case .boolean(let flag): (other as? NSNumber)?.boolValue == flag || other as? Bool == flag
        case .null: other is NSNull
        case .array(let values):
            (other as? [Any]).map { $0.count == values.count && zip(values, $0).allSatisfy { $0.agrees(with: $1) } }
                ?? false
        case .object: other is [String: Any]
        }
    }
}
