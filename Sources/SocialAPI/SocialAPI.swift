internal import ArgumentParser
import Broker
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Storage

@main
enum SocialAPI {
    static let summary = "keeps accounts, logs people in, and signs the tokens that the other services accept"

    static func main() async {
        if CommandLine.arguments.dropFirst().first == "make-keys" {
            MakeKeysCommand.main(Array(CommandLine.arguments.dropFirst(2)))
            return
        }
        await ServiceMain.run("SocialAPI", summary: summary, SocialAPISettings.self) { settings, process in
            // Not required: without Redis people log in; what ends is learned by the others when it is back.
            let broker = ServiceBroker(redis: settings.redis, process: process, isRequired: false, needsWrites: true)
            guard let configuration = settings.database.configuration else {
                throw ServiceFailure(.usage, "DATABASE_URL is needed")
            }
            let database = ServiceDatabase(configuration, process: process)
            let assembly = try await assemble(
                settings, process, database: database, redis: broker.broker.redis, services: [broker])
            return assembly
        }
    }
}
