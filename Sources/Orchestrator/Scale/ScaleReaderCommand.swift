import ArgumentParser
import Audience
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
        let reader = ScaleReader(
            port: redisPort, index: index, audience: try settings.makeAudience(), placement: settings.placement[0],
            readers: AssignmentSimulation.readerNames(settings.readers[0]), arrivalSeconds: settings.arrival,
            sockets: settings.sockets)
        let orders = StandardInput.lines(most: 1_024).compactMap { line -> ScaleReaderOrder? in JSONLine.read(line) }
        try await reader.run(orders) { StandardOutput.write(JSONLine.text($0)) }
    }
}
