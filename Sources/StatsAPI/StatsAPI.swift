import Broker
import ServiceLifecycle
import ServiceRuntime

@main
enum StatsAPI {
    static func main() async {
        await ServiceMain.run("StatsAPI", summary: "collects what all processes report", StatsAPISettings.self) {
            settings, process in
            let broker = ServiceBroker(redis: settings.redis, process: process, isRequired: false)
            return assemble(process, broker: broker.broker, services: [broker])
        }
    }

    /// The service around a broker. It needs Redis only for Redis's own counts, so that Redis being away is a note of the
    /// readiness probe and no reason to take the process out of service.
    static func assemble(
        _ process: ServiceProcess, broker: any Broker, services: [any Service] = []
    ) -> ServiceAssembly {
        let service = StatisticsService(redis: RedisCounts(broker: broker, logger: process.logger))
        let router = process.makeRouter()
        StatisticsRoutes(service: service).add(to: router)
        return ServiceAssembly(router: router, services: services, crossOrigin: CrossOriginPolicy())
    }
}

/// The settings of StatsAPI.
struct StatsAPISettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings

    var redisNeeds: RedisNeeds? {
        RedisNeeds(
            redis, [["PING"], ["INFO", "stats"], ["PUBSUB", "NUMSUB", "video:v"], ["PUBSUB", "CHANNELS", "*"]])
    }

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 5000)
        redis = RedisSettings(from: &reader)
    }
}
