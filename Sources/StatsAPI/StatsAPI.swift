import Broker
import FoundationEssentials
import Identity
import ServiceLifecycle
import ServiceRuntime
import Wire

@main
enum StatsAPI {
    static func main() async {
        await ServiceMain.run("StatsAPI", summary: "collects what all processes report", StatsAPISettings.self) {
            settings, process in
            let broker = ServiceBroker(redis: settings.redis, process: process, isRequired: false)
            return try assemble(settings, process, broker: broker.broker, services: [broker])
        }
    }

    /// The service around a broker. It needs Redis only for Redis's own counts, so that Redis being away is a note of the
    /// readiness probe and no reason to take the process out of service.
    static func assemble(
        _ settings: StatsAPISettings, _ process: ServiceProcess, broker: any Broker, services: [any Service] = []
    ) throws(ServiceFailure) -> ServiceAssembly {
        let service = StatisticsService(redis: RedisCounts(broker: broker, logger: process.logger))
        let router = process.makeRouter()
        StatisticsRoutes(service: service).add(to: router)
        SpreadMetrics.register(service, in: process.metrics)
        let feed = DashboardFeed(service: service, process: process)
        DashboardRoutes(feed: feed, service: service).add(to: router)
        ReportFiles(folder: settings.reportsFolder).add(to: router)
        if let folder = settings.webFolder { try DashboardFiles(folder: folder).add(to: router) }
        return ServiceAssembly(router: router, services: services + [feed], crossOrigin: CrossOriginPolicy())
    }
}

/// The settings of StatsAPI.
struct StatsAPISettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings
    /// With the dashboard's files; `nil`: none are served.
    var webFolder: String?
    /// With the laboratory's reports; `nil`: none are listed.
    var reportsFolder: String?

    var redisNeeds: RedisNeeds? {
        RedisNeeds(
            redis,
            [["PING"], ["INFO", "stats"], ["PUBSUB", "CHANNELS", "*"]]
                + RedisBroker.Needs.channels([.video], redis.channelNames).map { ["PUBSUB", "NUMSUB", $0] }
                + (server.access.mode == .off ? [] : RedisBroker.Needs.scripts) + server.access.redisNeeds())
    }

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 5000)
        redis = RedisSettings(from: &reader)
        let folder = SettingDeclaration(
            key: "WEB_FOLDER", type: "a path", defaultText: "web, if it is there",
            range: "a folder with `dashboard` and `app`",
            doc: "Files of the dashboard, which `GET /` leads to.")
        let isHere = FileManager.default.fileExists(atPath: "web/dashboard/index.html")
        webFolder = reader.value(folder, default: isHere ? "web" : nil) { $0 }
        let reports = SettingDeclaration(
            key: "REPORTS_FOLDER", type: "a path", range: "a folder that the Orchestrator writes to",
            doc: "Reports that the dashboard lists; unset: none.")
        reportsFolder = reader.value(reports, default: nil) { $0 }
    }
}
