/// The settings of one service: a struct that reads each of its keys once.
///
/// The reading is the declaration: the same pass over a reader without any value lists the keys for `--help` and for
/// `docs/CONFIGURATION.md`. An initialiser must therefore read every key whatever the values of the others are.
public protocol ServiceSettings: Sendable {
    /// What every service has: address, name, log level.
    var server: ServerSettings { get }

    /// What `--check-configuration` tries; `nil`: nothing.
    var redisNeeds: RedisNeeds? { get }

    init(from reader: inout SettingsReader)
}

extension ServiceSettings {
    public var redisNeeds: RedisNeeds? { nil }
}

extension ServiceSettings {
    /// Reads and checks everything; throws all problems together.
    ///
    /// - Parameter arguments: what follows the program's name.
    public static func read(
        arguments: [String] = [], environment: [String: String]
    ) throws(ConfigurationError) -> Self {
        var reader = SettingsReader(arguments: arguments, environment: environment)
        let settings = Self(from: &reader)
        try reader.finish()
        return settings
    }

    /// The keys of the service, in the order in which it reads them.
    public static var declarations: [SettingDeclaration] {
        var reader = SettingsReader(arguments: [], environment: [:])
        _ = Self(from: &reader)
        return reader.declarations
    }
}
