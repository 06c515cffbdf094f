internal import Audience
internal import Primitives
internal import SocketLoop
internal import Wire

/// Reports for StatsAPI: only the newest is sent.
struct ReportSource: RequestSource {
    private var report: [UInt8]?
    /// Reports that were answered.
    private(set) var snapshot = 0

    mutating func put(_ report: ClientReport) { self.report = Array(JSONLine.text(report).utf8) }

    mutating func next(now: UInt64) -> [UInt8]? {
        defer { report = nil }
        return report
    }

    func request(_ work: [UInt8], to endpoint: Endpoint) -> [UInt8] {
        RequestText.post("/client-statistics", to: endpoint, body: work)
    }

    mutating func answered(_ work: [UInt8], _ answer: RequestPool<[UInt8]>.Answer?, now: UInt64) {
        snapshot += answer == nil ? 0 : 1
    }
}

/// Tells StatsAPI, once a second, what a client does.
struct StatisticsReporter: Sendable {
    private let loop: SocketLoop<Sender<ReportSource>>
    private let seen = Locked(Sender<ReportSource>.Seen(source: 0))
    private let report: @Sendable () -> ClientReport

    /// `nil` without a StatsAPI.
    init?(to endpoints: [Endpoint], report: @escaping @Sendable () -> ClientReport) throws {
        guard !endpoints.isEmpty else { return nil }
        self.report = report
        let (servers, seen) = (try ServerDirectory(resolving: endpoints), seen)
        loop = try SocketLoop(settings: .init(name: "reports")) {
            Sender(ReportSource(), to: servers, connections: 1, shared: seen)
        }
    }

    /// Until the task is cancelled; then the last report is sent with the final counts, and its answer waited for.
    func run() async {
        loop.start()
        loop.call { $0.open($1) }
        while await Polling.pause(.seconds(1)) { send() }
        let answered = seen.value.source
        send()
        await Task { _ = try? await Polling.until(atMost: .milliseconds(500)) { seen.value.source != answered } }.value
        await loop.stop()
    }

    private func send() {
        loop.call { [report] sender, _ in sender.source.put(report()) }
    }
}
