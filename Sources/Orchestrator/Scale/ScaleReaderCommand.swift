import ArgumentParser
import Audience
import Foundation
import Options
import Placement
import Primitives
import Testbed

/// Not for people: a Reader process of `scale`, led over standard input and output.
struct ScaleReaderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "scale-reader", shouldDisplay: false)

    @Option var redisPort: Int
    @Option var index: Int
    /// One placement, one number of Readers, and the sockets of one of them.
    @OptionGroup var settings: ScaleSettings

    static func arguments(_ settings: ScaleSettings, _ layout: ScaleLayout, index: Int, port: Int) -> [String] {
        var own = settings
        let readers = layout.readers.count
        (own.readers, own.placement, own.sockets) = (
            [readers], [layout.placement], (settings.sockets + readers - 1) / readers
        )
        return ["scale-reader", "--redis-port", "\(port)", "--index", "\(index)"] + own.words
    }

    func run() async throws {
        let (orders, input) = AsyncStream.makeStream(
            of: ScaleReaderOrder.self, bufferingPolicy: .bufferingOldest(1_024))
        // Reading standard input blocks: not on a thread that tasks run on.
        Thread.detachNewThread {
            while let line = readLine() {
                if let order: ScaleReaderOrder = JSONLine.read(line) { input.yield(order) }
            }
            input.finish()
        }
        let reader = ScaleReader(
            port: redisPort, index: index, audience: try settings.makeAudience(), placement: settings.placement[0],
            readers: AssignmentSimulation.readerNames(settings.readers[0]), arrivalSeconds: settings.arrival,
            sockets: settings.sockets)
        try await reader.run(orders) { StandardOutput.write(JSONLine.text($0)) }
    }
}
