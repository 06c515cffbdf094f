import Configuration

/// Reads settings from the command line and the environment (in this order of precedence), strictly.
///
/// swift-configuration's getters with a default fall back to it when a value is there but unreadable, so values are taken
/// as text from its providers and read here: what cannot be read becomes a problem, and ``finish()`` throws
/// all of them. An empty value counts as absent, as in `DATABASE_URL: ${DATABASE_URL:-}` of a compose file. A secret may
/// stand in a file, which `DATABASE_URL_FILE` names.
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
        let known = Set(declarations.flatMap { [$0.key, $0.fileKey].compactMap { $0 }.map(SettingDeclaration.option) })
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
        let given = given(declaration.key)
        if let given, given.isArgument, !declaration.mayBeArgument(given.text) {
            refuse(
                declaration.option,
                because: "everybody on this machine can read arguments; give a secret as \(declaration.key) in the "
                    + "environment, or in a file")
            return nil
        }
        guard let fileKey = declaration.fileKey, let path = self.given(fileKey)?.text else { return given?.text }
        do throws(SecretFile.Unusable) {
            guard given == nil else {
                throw SecretFile.Unusable(reason: "is of no use: \(declaration.key) is given, too")
            }
            return try SecretFile.read(path)
        } catch {
            refuse(fileKey, because: error.reason)
            return nil
        }
    }

    /// What was given for a key, on the command line or else in the environment.
    private mutating func given(_ name: String) -> (text: String, isArgument: Bool)? {
        let key = AbsoluteConfigKey(name.lowercased().split(separator: "_").map(String.init))
        for (index, provider) in providers.enumerated() {
            do {
                guard let value = try provider.value(forKey: key, type: .string).value else { continue }
                guard case .string(let text) = value.content, !text.isEmpty else { continue }
                return (text, index == 0)
            } catch {
                refuse(SettingDeclaration.option(name), because: "needs exactly one value, without a comma")
                return nil
            }
        }
        return nil
    }
}
