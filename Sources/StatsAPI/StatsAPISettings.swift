import ServiceRuntime

/// The settings of StatsAPI.
struct StatsAPISettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 5000)
        redis = RedisSettings(from: &reader)
    }
}
