import ServiceRuntime

/// The settings of CommentAPI.
struct CommentAPISettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings
    var history: HistorySettings
    var reports: ReportSettings

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 3000)
        redis = RedisSettings(from: &reader)
        history = HistorySettings(from: &reader)
        reports = ReportSettings(from: &reader)
    }
}
