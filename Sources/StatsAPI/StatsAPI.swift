import Broker
import ServiceRuntime

@main
enum StatsAPI {
    static func main() async {
        await ServiceMain.run("StatsAPI", summary: "collects what all processes report", StatsAPISettings.self) {
            settings, process in
            let broker = process.makeRedisBroker(settings.redis)
            var assembly = assemble(process, broker: broker)
            assembly.services.insert(BrokerService(broker), at: 0)
            return assembly
        }
    }

    /// The service around a broker. It works without Redis, which it only asks for its own counts; so Redis being away is
    /// a note of the readiness probe and not a reason to be taken out of service.
    static func assemble(_ process: ServiceProcess, broker: any Broker) -> ServiceAssembly {
        process.readiness.note("redis") { broker.isReady ? nil : "Redis is away: its own counts are missing" }
        let desk = StatisticsDesk(redis: RedisCensus(broker: broker, logger: process.logger))
        let router = process.makeRouter()
        StatisticsRoutes(desk: desk).add(to: router)
        return ServiceAssembly(router: router, crossOrigin: CrossOriginPolicy())
    }
}
