internal import Audience
internal import Placement

/// Everything that is wrong with the arguments, together.
struct SettingsProblems: Error, Equatable, CustomStringConvertible {
    let problems: [String]
    var description: String { problems.map { "error: \($0)" }.joined(separator: "\n") }
}

/// Reads settings from texts, and gathers what cannot be read instead of stopping at the first.
struct ArgumentReader {
    private(set) var problems: [String] = []

    mutating func report(_ name: String, _ text: String, expected: String) {
        problems.append("\(name) is \"\(text)\"; expected \(expected)")
    }

    mutating func report(missing name: String, expected: String) {
        problems.append("\(name) is missing; expected \(expected)")
    }

    mutating func integer(_ name: String, _ text: String, in range: ClosedRange<Int>) -> Int {
        if let value = Int(text), range.contains(value) { return value }
        report(name, text, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        return range.lowerBound
    }

    mutating func number(_ name: String, _ text: String, in range: ClosedRange<Double>) -> Double {
        if let value = Double(text), range.contains(value) { return value }
        report(name, text, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        return range.lowerBound
    }

    mutating func seed(_ name: String, _ text: String) -> UInt64 {
        if let value = UInt64(text) { return value }
        report(name, text, expected: "a whole number from 0 to \(UInt64.max)")
        return 0
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _ text: String, _ fallback: Choice)
        -> Choice where Choice.RawValue == String
    {
        if let value = Choice(rawValue: text) { return value }
        report(name, text, expected: Choice.allCases.map(\.rawValue).joined(separator: " or "))
        return fallback
    }

    /// What may stand in front of the names of videos: characters of a video id, short enough to leave room for more.
    mutating func videoPrefix(_ name: String, _ text: String) -> String {
        let isAllowed = text.utf8.allSatisfy { byte in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
                || "._:-".utf8.contains(byte)
        }
        if isAllowed, text.utf8.count <= 100 { return text }
        report(name, text, expected: "at most 100 letters, digits, '.', '_', ':' or '-'")
        return ""
    }

    /// One or more URLs, separated by commas.
    mutating func endpoints(_ name: String, _ text: String?) -> [Endpoint] {
        let parts = (text ?? "").split(separator: ",").map { $0.trimmed }
        let endpoints = parts.compactMap { Endpoint($0) }
        if parts.isEmpty {
            report(missing: name, expected: "http://host:port, several separated by commas")
        } else if endpoints.count < parts.count {
            report(name, text ?? "", expected: "http://host:port, several separated by commas")
        }
        return endpoints
    }

    mutating func endpointIfAny(_ name: String, _ text: String?) -> [Endpoint] {
        guard let text, !text.isEmpty else { return [] }
        return endpoints(name, text)
    }

    /// What a function makes of a text; `nil` when it refuses, and its reason is kept.
    mutating func parsed<Value>(_ parse: () throws(InvalidParameter) -> Value) -> Value? {
        do {
            return try parse()
        } catch {
            problems.append(error.description)
            return nil
        }
    }

    func check() throws(SettingsProblems) {
        if !problems.isEmpty { throw SettingsProblems(problems: problems) }
    }
}

extension Substring {
    /// Without spaces at both ends.
    var trimmed: Substring {
        let head = drop { $0 == " " }
        guard let last = head.lastIndex(where: { $0 != " " }) else { return head }
        return head[...last]
    }
}
