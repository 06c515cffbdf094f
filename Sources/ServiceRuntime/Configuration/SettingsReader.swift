import Configuration

/// Reads settings from the command line and the environment (in this order of precedence), strictly.
///
/// swift-configuration's getters with a default fall back to it when a value is there but unreadable, so values are taken
/// as text from its providers and read here: what cannot be read becomes a problem, and ``finish()`` throws
/// all of them. An empty value counts as absent, as in `DATABASE_URL: ${DATABASE_URL:-}` of a compose file.
public struct SettingsReader {
    /// The keys read so far.
    public private(set) var declarations: [SettingDeclaration] = []
    /// What was wrong so far.
    public private(set) var problems: [SettingProblem] = []

    private let providers: [any ConfigProvider]
    private let options: CommandLineOptions

    public init(arguments: [String], environment: [String: String]) {
        options = CommandLineOptions(arguments)
        providers = [
            CommandLineArgumentsProvider(arguments: ["service"] + options.normalized),
            EnvironmentVariablesProvider(environmentVariables: environment),
        ]
    }

    /// Reads one setting. `parse` returns `nil` for what it does not accept; the default is then returned so that the
    /// reading goes on, and is never used, since ``finish()`` throws.
    public mutating func value<Value>(
        _ declaration: SettingDeclaration, default fallback: Value, parse: (String) -> Value?
    ) -> Value {
        declarations.append(declaration)
        guard let text = text(of: declaration) else { return fallback }
        guard let value = parse(text) else {
            refuse(declaration, value: text)
            return fallback
        }
        return value
    }

    /// Adds a problem that only shows when several settings are seen together.
    public mutating func refuse(_ key: String, because reason: String) {
        problems.append(SettingProblem(key: key, value: nil, reason: reason))
    }

    /// Throws everything that was wrong, arguments that belong to no key included.
    public consuming func finish() throws(ConfigurationError) {
        let known = Set(declarations.map(\.option))
        let all = problems + options.problems(known: known)
        if !all.isEmpty { throw ConfigurationError(problems: all) }
    }

    private mutating func refuse(_ declaration: SettingDeclaration, value: String) {
        let unit = declaration.unit.isEmpty ? "" : " (\(declaration.unit))"
        problems.append(
            SettingProblem(
                key: declaration.key, value: declaration.isSecret ? nil : value,
                reason: "must be \(declaration.type)\(unit), \(declaration.range)"))
    }

    private mutating func text(of declaration: SettingDeclaration) -> String? {
        let key = AbsoluteConfigKey(declaration.key.lowercased().split(separator: "_").map(String.init))
        for provider in providers {
            do {
                guard let value = try provider.value(forKey: key, type: .string).value else { continue }
                guard case .string(let text) = value.content, !text.isEmpty else { continue }
                return text
            } catch {
                problems.append(
                    SettingProblem(
                        key: declaration.option, value: nil, reason: "needs exactly one value, without a comma"))
                return nil
            }
        }
        return nil
    }
}
