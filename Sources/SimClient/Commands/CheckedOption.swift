internal import ArgumentParser
internal import Audience
internal import SocketLoop

/// The value of an option, or what is wrong with the text that was given. A transform that threw would hide every problem
/// behind the first one: they are told together, see ``ArgumentParser/ParsableArguments/problems``.
@propertyWrapper
struct Checked<Value: Sendable>: Sendable, CustomStringConvertible {
    var wrappedValue: Value
    fileprivate var problem: String?

    init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

    /// Empty, as help shows it, where there is no value.
    var description: String {
        let text = "\(wrappedValue)"
        return text == "nil" || text == "[]" ? "" : text
    }

    var asOptional: Checked<Value?> {
        var checked = Checked<Value?>(wrappedValue: wrappedValue)
        checked.problem = problem
        return checked
    }
}

typealias Transform<Value: Sendable> = @Sendable (String) -> Checked<Value>

/// Reads a text; `nil` where it is not what was expected, and then `fallback` stands in until the problem is told.
func reads<Value: Sendable>(
    _ expected: String, else fallback: Value, _ read: @escaping @Sendable (String) -> Value?
) -> Transform<Value> {
    { text in
        var checked = Checked(wrappedValue: read(text) ?? fallback)
        if read(text) == nil { checked.problem = "is \"\(text)\"; expected \(expected)" }
        return checked
    }
}

func within(_ range: ClosedRange<Int>) -> Transform<Int> {
    reads("a whole number from \(range.lowerBound) to \(range.upperBound)", else: range.lowerBound) {
        Int($0).flatMap { range.contains($0) ? $0 : nil }
    }
}

func within(_ range: ClosedRange<Double>) -> Transform<Double> {
    reads("a number from \(range.lowerBound) to \(range.upperBound)", else: range.lowerBound) {
        Double($0).flatMap { range.contains($0) ? $0 : nil }
    }
}

let anySeed: Transform<UInt64> = reads("a whole number from 0 to \(UInt64.max)", else: 0) { UInt64($0) }

func oneOf<Choice: RawRepresentable & CaseIterable & Sendable>(_ fallback: Choice) -> Transform<Choice>
where Choice.RawValue == String {
    reads(Choice.allCases.map(\.rawValue).joined(separator: " or "), else: fallback) { Choice(rawValue: $0) }
}

/// What a function of the library makes of a text.
func parsed<Value: Sendable>(
    _ fallback: Value, _ parse: @escaping @Sendable (String) throws(InvalidParameter) -> Value
) -> Transform<Value> {
    { text in
        var checked = Checked(wrappedValue: fallback)
        do throws(InvalidParameter) {
            checked.wrappedValue = try parse(text)
        } catch {
            checked.problem = "is \"\(error.value)\"; expected \(error.expected)"
        }
        return checked
    }
}

/// An address of this machine.
let ownAddress: Transform<SourceAddress?> = { text in
    var checked = Checked(wrappedValue: SourceAddress?.none)
    do throws(SourceAddress.Unusable) { checked.wrappedValue = try SourceAddress(text) } catch {
        checked.problem = "is \"\(text)\"; expected an IPv4 address of this machine (\(error.cause))"
    }
    return checked
}

/// One or more URLs, separated by commas.
let urls: Transform<[Endpoint]> = reads(Endpoint.listed, else: []) { text in
    let parts = text.split(separator: ",").map { $0.drop { $0 == " " } }
    let endpoints = parts.compactMap { part in
        Endpoint(part.last == " " ? part.dropLast(part.reversed().prefix { $0 == " " }.count) : part)
    }
    return parts.isEmpty || endpoints.count < parts.count ? nil : endpoints
}

extension Endpoint {
    static let listed = "http://host:port, several separated by commas"
}

/// What may stand in front of the names of videos or photos: characters of an id, short enough to leave room for more.
let idPrefix: Transform<String> = reads("at most 100 letters, digits, '.', '_', ':' or '-'", else: "") { text in
    let isAllowed = text.utf8.allSatisfy { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
            || "._:-".utf8.contains(byte)
    }
    return isAllowed && text.utf8.count <= 100 ? text : nil
}

private protocol CheckedOption {
    var problem: String? { get }
}

extension Checked: CheckedOption {}

extension Option: CheckedOption where Value: CheckedOption {
    fileprivate var problem: String? { wrappedValue.problem }
}

extension ParsableArguments {
    /// What is wrong with the options, in the order in which they are declared.
    var problems: [String] {
        Mirror(reflecting: self).children.compactMap { child in
            guard let option = child.value as? any CheckedOption, let problem = option.problem else { return nil }
            return "\(Self.optionName(child.label ?? "")) \(problem)"
        }
    }

    /// `_slowShare` → `--slow-share`, as the parser names it.
    private static func optionName(_ label: String) -> String {
        var name = "--"
        var wasLower = false
        for character in label.drop(while: { $0 == "_" }) {
            if character.isUppercase, wasLower { name.append("-") }
            name += character.lowercased()
            wasLower = character.isLowercase
        }
        return name
    }

    /// Refuses the command line with all that is wrong with it.
    static func refuse(_ problems: [String]) throws {
        if !problems.isEmpty { throw ValidationError(problems.joined(separator: "\nError: ")) }
    }
}
