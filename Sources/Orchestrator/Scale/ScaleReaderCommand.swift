import ArgumentParser
import Audience
import Foundation
import Placement
import Primitives
import Testbed

/// Not for people: a Reader process of `scale`, led over standard input and output.
struct ScaleReaderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "scale-reader", shouldDisplay: false)

    @Option var redisPort: Int
    @Option var index: Int
    @Option var readers: Int
    @Option var streams: Int
    @Option var viewers: Int
    @Option var audience: String
    @Option var placement: String
    @Option var seed: UInt64
    @Option var arrival: Double
    @Option var sockets: Int

    static func arguments(_ settings: ScaleSettings, _ layout: ScaleLayout, index: Int, port: Int) -> [String] {
        [
            "scale-reader", "--redis-port", "\(port)", "--index", "\(index)", "--readers", "\(layout.readers.count)",
            "--streams", "\(settings.streams)", "--viewers", "\(settings.viewers)", "--audience",
            "\(settings.audience)", "--placement", layout.placement.rawValue, "--seed", "\(settings.seed)",
            "--arrival", "\(settings.arrivalSeconds)", "--sockets",
            "\((settings.sockets + layout.readers.count - 1) / layout.readers.count)",
        ]
    }

    func run() async throws {
        let audience = try Audience(
            AudienceSpec.parse(audience), channels: streams, viewers: viewers, seed: seed)
        let (orders, input) = AsyncStream.makeStream(
            of: ScaleReaderOrder.self, bufferingPolicy: .bufferingOldest(1_024))
        // Reading standard input blocks: not on a thread that tasks run on.
        Thread.detachNewThread {
            while let line = readLine() {
                if let order = ScaleReaderOrder(line: line) { input.yield(order) }
            }
            input.finish()
        }
        let reader = ScaleReader(
            port: redisPort, index: index, audience: audience, placement: try .parse(placement),
            readers: AssignmentSimulation.readerNames(readers), arrivalSeconds: arrival, sockets: sockets)
        try await reader.run(orders) { StandardOutput.write($0.line) }
    }
}
