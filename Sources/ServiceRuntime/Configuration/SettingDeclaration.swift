/// What a setting is, for whoever sets it: the one place that `--help`, error messages and `docs/CONFIGURATION.md` are made from.
public struct SettingDeclaration: Equatable, Sendable {
    /// Name in the environment: `READER_BACKLOG_BYTES`. On the command line it is `--reader-backlog-bytes`.
    public var key: String
    /// `integer`, `text`, `URL`, `one of a, b`.
    public var type: String
    /// Empty where the type says it all.
    public var unit: String
    /// What holds when nothing is given; `unset` for a setting that may be absent.
    public var defaultText: String
    /// What is accepted, as a phrase: `1 to 65535`.
    public var range: String
    public var doc: String
    /// Whether the value may hold a password: it is never shown, and may stand in a file that ``fileKey`` names.
    public var isSecret: Bool
    /// Whether clients are told the value in the end, so that a file for it makes no sense.
    public var isPublic: Bool

    public init(
        key: String, type: String, unit: String = "", defaultText: String = "unset", range: String, doc: String,
        isSecret: Bool = false, isPublic: Bool = false
    ) {
        self.key = key
        self.type = type
        self.unit = unit
        self.defaultText = defaultText
        self.range = range
        self.doc = doc
        self.isSecret = isSecret
        self.isPublic = isPublic
    }

    /// The name as a command-line option.
    public var option: String { Self.option(key) }

    /// The key of the path of a file with the value; `nil` for a setting that is no secret.
    public var fileKey: String? { isSecret && !isPublic ? key + "_FILE" : nil }

    static func option(_ key: String) -> String {
        "--" + key.lowercased().split(separator: "_").joined(separator: "-")
    }

    /// Everybody on the machine can read the arguments of a process: of secrets only addresses without any may be there.
    func mayBeArgument(_ value: String) -> Bool {
        guard isSecret else { return true }
        guard let scheme = value.firstRange(of: "://") else { return false }
        let rest = value[scheme.upperBound...]
        let credentials = rest.lastIndex(of: "@").map { rest[..<$0] } ?? ""
        return !credentials.contains(":") && !rest.contains("password=")
    }
}

/// One setting that cannot be used, in words for the person who set it.
public struct SettingProblem: Equatable, Sendable, CustomStringConvertible {
    /// The key, or the argument that belongs to no key.
    public var key: String
    /// What was given; `nil` for a secret.
    public var value: String?
    /// What is wrong and what would be right.
    public var reason: String

    public init(key: String, value: String?, reason: String) {
        self.key = key
        self.value = value
        self.reason = reason
    }

    public var description: String {
        value.map { "\(key)=\($0): \(reason)" } ?? "\(key): \(reason)"
    }
}

/// Everything that is wrong with a service's settings, at once.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    public var problems: [SettingProblem]

    public init(problems: [SettingProblem]) {
        self.problems = problems
    }

    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
