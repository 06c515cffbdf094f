public import ArgumentParser
public import Audience
public import Placement
internal import Wire

/// The value of an option, or what is wrong with the text that was given. A transform that threw would hide every problem
/// behind the first one: they are told together, see ``ArgumentParser/ParsableArguments/problems``.
///
///     @Option("Viewers.", within(1...1_000_000)) @Checked var viewers = 2_500
@propertyWrapper
public struct Checked<Value: Sendable>: Sendable, CustomStringConvertible {
    public var wrappedValue: Value
    /// As it was typed; `nil` for the default.
    fileprivate var text: String?
    /// What the text would have to be; `nil` when it is.
    fileprivate var expected: String?

    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

    fileprivate init(_ text: String, _ value: Value?, else fallback: Value, _ expected: String) {
        wrappedValue = value ?? fallback
        self.text = text
        self.expected = value == nil ? expected : nil
    }

    /// As help shows it: empty where there is no value.
    public var description: String { optionText(wrappedValue) ?? "" }
}

extension Option {
    /// Takes whatever follows it, also what begins with a dash: a negative number is told as wrong, not as an option.
    public init<Choice>(
        wrappedValue: Checked<Choice>, _ help: ArgumentHelp, _ transform: @escaping Transform<Choice>
    ) where Value == Checked<Choice> {
        self.init(wrappedValue: wrappedValue, parsing: .unconditional, help: help, transform: transform)
    }
}

public typealias Transform<Value: Sendable> = @Sendable (String) -> Checked<Value>

/// Reads a text; where `read` gives `nil` it is not what was expected, and `fallback` stands in until that is told.
public func reads<Value: Sendable>(
    _ expected: String, else fallback: Value, _ read: @escaping @Sendable (String) -> Value?
) -> Transform<Value> {
    { Checked($0, read($0), else: fallback, expected) }
}

public func within(_ range: ClosedRange<Int>) -> Transform<Int> {
    reads("a whole number from \(range.lowerBound) to \(range.upperBound)", else: range.lowerBound) {
        Int($0).flatMap { range.contains($0) ? $0 : nil }
    }
}

public func within(_ range: ClosedRange<Double>) -> Transform<Double> {
    let bounds = [range.lowerBound, range.upperBound].compactMap(optionText).joined(separator: " to ")
    return reads("a number from \(bounds)", else: range.lowerBound) {
        Double($0).flatMap { range.contains($0) ? $0 : nil }
    }
}

public let anySeed: Transform<UInt64> = reads("a whole number from 0 to \(UInt64.max)", else: 0) { UInt64($0) }

public func oneOf<Choice: RawRepresentable & CaseIterable & Sendable>(_ fallback: Choice) -> Transform<Choice>
where Choice.RawValue == String {
    reads("one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "), else: fallback) { Choice(rawValue: $0) }
}

/// What a function of the library makes of a text.
public func parsed<Value: Sendable>(
    _ fallback: Value, _ parse: @escaping @Sendable (String) throws(InvalidParameter) -> Value
) -> Transform<Value> {
    { text in
        do throws(InvalidParameter) { return Checked(text, try parse(text), else: fallback, "") } catch {
            return Checked(text, nil, else: fallback, error.expected)
        }
    }
}

/// An id as the services take it.
public func identifier(_ fallback: String = "") -> Transform<String> {
    reads(Identifier.expected, else: fallback) { Identifier.isValid($0) ? $0 : nil }
}

public let anyAudience = parsed(AudienceSpec.reference, AudienceSpec.parse)

public let placementList = parsed([], PlacementStrategy.parseList)

public let fileName = reads("the name of a file", else: "") { $0.isEmpty ? nil : $0 }

/// For an option without a default.
public func optional<Value: Sendable>(_ transform: @escaping Transform<Value>) -> Transform<Value?> {
    { text in
        let checked = transform(text)
        let value: Value?? = checked.expected == nil ? .some(checked.wrappedValue) : nil
        return Checked(text, value, else: nil, checked.expected ?? "")
    }
}

/// `20`, `0.5`, `overflow`, `3,5,10`; `nil` for no value.
private func optionText(_ value: Any) -> String? {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional { return mirror.children.first.flatMap { optionText($0.value) } }
    if let number = value as? Double {
        return number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
    }
    if let list = value as? [Any] {
        return list.isEmpty ? nil : list.compactMap(optionText).joined(separator: ",")
    }
    if let choice = value as? any RawRepresentable { return optionText(choice.rawValue) }
    return String(describing: value)
}

/// An option that was typed, and is not what it has to be.
public struct MisreadOption: Sendable {
    /// With its dashes.
    public var name: String
    public var text: String
    /// For instance `a whole number from 1 to 64`.
    public var expected: String
}

/// One value of an option: what was typed, what it has to be where it is not, and the value as it would be typed.
private struct OptionPart {
    var text: String?
    var expected: String?
    var value: String?
}

private protocol CheckedValue {
    /// One, or as many as were given.
    var parts: [OptionPart] { get }
    var isTyped: Bool { get }
    /// What is typed to get the values, with the option's name.
    func words(_ name: String) -> [String]
}

extension CheckedValue {
    fileprivate var isTyped: Bool { parts.contains { $0.text != nil } }
    fileprivate func words(_ name: String) -> [String] { parts.compactMap(\.value).flatMap { [name, $0] } }
}

extension Checked: CheckedValue {
    fileprivate var parts: [OptionPart] {
        [OptionPart(text: text, expected: expected, value: optionText(wrappedValue))]
    }
}

extension Array: CheckedValue where Element: CheckedValue {
    fileprivate var parts: [OptionPart] { flatMap(\.parts) }
    fileprivate var isTyped: Bool { !isEmpty }
}

extension Option: CheckedValue where Value: CheckedValue {
    fileprivate var parts: [OptionPart] { wrappedValue.parts }
}

extension Flag: CheckedValue where Value == Bool {
    fileprivate var parts: [OptionPart] { [] }
    fileprivate var isTyped: Bool { wrappedValue }
    fileprivate func words(_ name: String) -> [String] { wrappedValue ? [name] : [] }
}

extension ParsableArguments {
    /// As if nothing had been typed.
    public static var standard: Self {
        do { return try parse([]) } catch { fatalError("\(Self.self) has an option without a default: \(error)") }
    }

    /// What is wrong with the options, in the order in which they are declared.
    public var misread: [MisreadOption] {
        options.flatMap { option in
            option.value.parts.compactMap { part in
                part.expected.map { MisreadOption(name: option.name, text: part.text ?? "", expected: $0) }
            }
        }
    }

    /// ``misread`` in words.
    public var problems: [String] { misread.map { "\($0.name) \($0.text): must be \($0.expected)" } }

    /// The names of the options that were typed.
    public var typed: [String] { options.filter(\.value.isTyped).map(\.name) }

    /// What is wrong with those of these options that were typed, unless they may be.
    public func refused(_ names: Set<String>, if isRefused: Bool = true, _ why: String) -> [String] {
        isRefused ? typed.filter(names.contains).map { "\($0): \(why)" } : []
    }

    /// What was typed: names, each with its text unless it is a flag.
    public var typedWords: [String] {
        options.filter(\.value.isTyped).flatMap { option in
            let texts = option.value.parts.compactMap(\.text)
            return texts.isEmpty ? [option.name] : texts.flatMap { [option.name, $0] }
        }
    }

    /// The names of all options.
    public static var optionNames: [String] { standard.options.map(\.name) }

    /// What must be typed to get these values.
    public var words: [String] {
        zip(options, Self.standard.options).flatMap { option, standard in
            let words = option.value.words(option.name)
            return words == standard.value.words(standard.name) ? [] : words
        }
    }

    /// The command that repeats it.
    public func commandLine(_ command: String) -> String { (["Orchestrator", command] + words).joined(separator: " ") }

    /// These options where they were typed, and those of `other` elsewhere.
    public func over(_ other: Self) -> Self {
        let own = options.filter(\.value.isTyped).flatMap { $0.value.words($0.name) }
        return (try? Self.parse(other.words + own)) ?? self
    }

    private var options: [(name: String, value: any CheckedValue)] {
        Mirror(reflecting: self).children.compactMap { child in
            (child.value as? any CheckedValue).map { (Self.optionName(child.label ?? ""), $0) }
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
}
