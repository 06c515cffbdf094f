import ArgumentParser
import Audience
import Options
import Placement
import Report
import Testbed

/// Every parameter of one scale run, as `scale` reads it.
struct ScaleSettings: ParsableArguments, AudienceSettings {
    @Option("Streams, 1 to 1,000,000.", within(1...Audience.channelsMax)) @Checked var streams = 90_000
    @Option("Viewers, 1 to 20,000,000.", within(1...20_000_000)) @Checked var viewers = 2_000_000
    @Option("Numbers of Readers: 14, 3,7,14 or 3..5; at most 100.", readerNumbers()) @Checked var readers = [14]
    @Option("reference, uniform, zipf:<exponent>, flash or flash:<share>.", anyAudience)
    @Checked var audience = AudienceSpec.zipf(exponent: 1)
    @Option("Placements, separated by commas.", placementList)
    @Checked var placement: [PlacementStrategy] = [.random, .overflow]
    @Option("The same seed makes the same audience, 0 to 2^64-1.", anySeed) @Checked var seed: UInt64 = 1
    @Option("Seconds in which all viewers arrive, 0 to 3,600.", within(0...3_600.0)) @Checked var arrival = 30.0
    @Option("Viewers with a socket that somebody reads: they pay for the write. 0 to 100,000.", within(0...100_000))
    @Checked var sockets = 2_000
    @Option("Comments per second that the hubs deliver, over all streams, 0.1 to 100,000.", within(0.1...100_000))
    @Checked var rate = 200.0
    @Option("Seconds of that, 1 to 3,600.", within(1...3_600.0)) @Checked var duration = 10.0
    @Option("Seconds in which Redis gets as much as it takes, 1 to 600.", within(1...600.0)) @Checked var burst = 8.0

    @Option(
        """
        Masters of a Redis Cluster: 1,2,3,6; at most 30. Then hubs are left out, and each case is a burst of the service's \
        publishes.
        """, readerNumbers(max: 30))
    @Checked var redisNodes: [Int] = []
    @Option(
        "classic (PUBLISH) and sharded (SPUBLISH), with --redis-nodes.",
        reads("classic, sharded, or both, separated by a comma", else: []) { text in
            let all = text.split(separator: ",", omittingEmptySubsequences: false).map {
                Publishing(rawValue: String($0))
            }
            return all.contains(nil) ? nil : all.compactMap { $0 }
        })
    @Checked var publish = Publishing.allCases
    @Flag(help: "Plain publishes in place of the service's script, with --redis-nodes.") var bare = false

    /// Reader processes in one case: each is a process with a hub, and shares this machine with all others.
    static let readersMax = 100
    static let casesMax = 32

    var title: String { "Scale: \(Format.grouped(streams)) streams, \(Format.grouped(viewers)) viewers" }

    /// In the order in which they run: placements of one number of Readers next to each other.
    var cases: [(readers: Int, placement: PlacementStrategy)] {
        readers.flatMap { readers in placement.map { (readers, $0) } }
    }

    /// What is compared on clusters, for each of the ``cases``.
    var clusters: [(publishing: Publishing, nodes: Int)] {
        publish.flatMap { publishing in redisNodes.map { (publishing, $0) } }
    }

    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func checked() throws(Failure) -> ScaleSettings {
        var problems: [String] = []
        if let most = readers.last, most > Self.readersMax {
            problems.append("--readers \(most): must be at most \(Self.readersMax), each is a process on this machine")
        }
        if cases.count > Self.casesMax {
            problems.append(
                "--readers, --placement: \(cases.count) cases, one after the other; take at most \(Self.casesMax)"
                    + " (readers × placements)")
        }
        let clusterCases = cases.count * clusters.count
        if clusterCases > 2 * Self.casesMax {
            problems.append(
                "--redis-nodes, --publish: \(clusterCases) cases, one after the other; take at most"
                    + " \(2 * Self.casesMax)")
        }
        let isClustered = typed.contains("--redis-nodes")
        problems += refused(["--publish", "--bare"], if: !isClustered, "means nothing without --redis-nodes")
        problems += refused(
            ["--arrival", "--sockets", "--rate", "--duration"], if: isClustered,
            "cannot be with --redis-nodes, which leaves hubs out")
        return try valid(problems)
    }
}
