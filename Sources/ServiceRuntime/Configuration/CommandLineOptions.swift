/// The command line of a service: `--some-key value` and `--some-key=value`, nothing else.
///
/// The provider of swift-configuration skips what it does not know; a mistyped option must not be skipped.
struct CommandLineOptions: Sendable {
    /// Names with `--`, in order, with their values.
    private(set) var options: [(name: String, value: String?)] = []
    /// What is neither an option nor an option's value.
    private(set) var strays: [String] = []

    init(_ arguments: [String]) {
        for argument in arguments {
            if argument.hasPrefix("--") {
                let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                options.append((String(parts[0]), parts.count > 1 ? String(parts[1]) : nil))
            } else if let last = options.indices.last, options[last].value == nil {
                options[last].value = argument
            } else {
                strays.append(argument)
            }
        }
    }

    /// The options as `--name=value`, the form in which a value cannot be taken for an option.
    var normalized: [String] {
        options.map { option in option.value.map { "\(option.name)=\($0)" } ?? option.name }
    }

    func problems(known: Set<String>) -> [SettingProblem] {
        var seen: Set<String> = []
        var problems = strays.map { SettingProblem(key: $0, value: nil, reason: "belongs to no option") }
        for option in options {
            if !known.contains(option.name) {
                problems.append(SettingProblem(key: option.name, value: nil, reason: "is no option of this service"))
            } else if !seen.insert(option.name).inserted {
                problems.append(SettingProblem(key: option.name, value: nil, reason: "is given twice"))
            }
        }
        return problems
    }
}
