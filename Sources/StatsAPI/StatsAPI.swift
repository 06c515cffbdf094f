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

    /// The service around a broker. It works without Redis, which it only asks for its own counts; so Redis being away is
    /// a note of the readiness probe and not a reason to be taken out of service.
    static func assemble(
        _ process: ServiceProcess, broker: any Broker, services: [any Service] = []
    ) -> ServiceAssembly {
        let desk = StatisticsDesk(redis: RedisCensus(broker: broker, logger: process.logger))
        let router = process.makeRouter()
        StatisticsRoutes(desk: desk).add(to: router)
        return ServiceAssembly(router: router, services: services, crossOrigin: CrossOriginPolicy())
    }
}
