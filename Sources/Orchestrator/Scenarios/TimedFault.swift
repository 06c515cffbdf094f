import Report
import Testbed

/// Something that is done to a process at a time of a run.
struct TimedFault: Equatable, Sendable {
    enum Kind: String, CaseIterable, Sendable {
        /// SIGKILL.
        case kill
        /// SIGTERM: a Reader moves its viewers to the others.
        case stop
        /// SIGSTOP, and SIGCONT afterwards.
        case freeze
    }

    var kind: Kind
    /// For instance `reader-1`.
    var node: String
    /// Since publishing began, the warm-up counted.
    var at: Double
    /// Until it is started again, or goes on; `nil`: never.
    var seconds: Double?

    func strike(_ injector: FaultInjector) async throws {
        let victim = try injector.testbed.node(node)
        switch (kind, seconds) {
        case (.kill, let seconds?): try await injector.kill(victim, for: .seconds(seconds))
        case (.kill, nil), (.stop, nil): await injector.end(victim, gently: kind == .stop)
        case (.stop, let seconds?):
            injector.tell(.begin, "SIGTERM to \(node)")
            await victim.stop()
            injector.tell(.step, "\(node) has ended")
            try await Task.sleep(for: .seconds(seconds))
            try await victim.start()
            injector.tell(.end, "\(node) is ready again")
        case (.freeze, let seconds):
            injector.tell(.begin, "SIGSTOP to \(node)")
            victim.pause()
            defer { victim.resume() }
            try await Task.sleep(for: .seconds(seconds ?? 0))
            injector.tell(.end, "SIGCONT to \(node)")
        }
    }

    /// What cannot be done in a run with these settings, for each fault.
    static func problems(with faults: [TimedFault], _ settings: RunSettings) -> [(fault: Int, text: String)] {
        var problems: [(fault: Int, text: String)] = []
        let end = settings.warmup + settings.duration
        let groups = [("reader", settings.readers), ("comment-api", settings.commentApis)]
        let servers = settings.redisTopology.names
        let names = servers + groups.flatMap { name, count in (1...count).map { "\(name)-\($0)" } }
        for (index, fault) in faults.enumerated() {
            func refuse(_ text: String) { problems.append((index, text)) }
            let last = fault.at + (fault.seconds ?? 0)
            if let preset = settings.preset, preset != .reference {
                refuse("the preset '\(preset)' has no faults at times")
            }
            if !names.contains(fault.node) {
                let known = groups.map { "\($0)-1 to \($0)-\($1)" } + servers
                refuse("there is no \(fault.node); there are \(known.joined(separator: ", "))")
            } else if fault.node == "redis", fault.kind != .freeze {
                refuse("Redis can only be frozen here; 'drill restart-redis' and 'drill lose-redis' end it")
            }
            if fault.kind == .freeze, fault.seconds == nil { refuse("a freeze needs 'for', in seconds") }
            if last >= end {
                refuse(
                    "must be over before publishing ends, \(Format.plain(end)) s after its start (warmup and duration);"
                        + " it ends at \(Format.plain(last)) s")
            }
            if let before = faults.enumerated().filter({ $0.offset != index && $0.element.node == fault.node })
                .map(\.element).filter({ $0.at <= fault.at }).max(by: { $0.at < $1.at }),
                before.at == fault.at || before.seconds.map({ before.at + $0 >= fault.at }) ?? true
            {
                refuse("\(fault.node) still suffers from the fault at \(Format.plain(before.at)) s")
            }
        }
        for (name, count) in groups {
            let gone = faults.indices.filter { faults[$0].node.hasPrefix(name + "-") && faults[$0].seconds == nil }
            if gone.count >= count, let last = gone.last {
                problems.append((last, "leaves no \(name); give it a 'for', or take more of them"))
            }
        }
        return problems
    }
}
