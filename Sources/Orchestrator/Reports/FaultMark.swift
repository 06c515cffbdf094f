import Report
import Testbed

/// Something that was done or happened while a fault was injected.
struct FaultMark: Equatable, Sendable {
    enum Kind: String, Sendable {
        /// The fault.
        case begin
        case step
        /// Nothing is broken any more, as far as processes go.
        case end
    }

    /// Since the work began.
    var seconds: Double
    var kind: Kind
    var text: String
}

extension [FaultMark] {
    var begin: Double? { first { $0.kind == .begin }?.seconds }
    var end: Double? { last { $0.kind == .end }?.seconds }

    /// What happened when.
    ///
    /// - Parameter recovery: seconds after the end at which `text` came true.
    func timeline(_ title: String, recovery: Double?, _ text: String) -> Table {
        var entries = map { ($0.seconds, "\($0.kind.rawValue): \($0.text)") }
        if let end, let recovery { entries.append((end + recovery, text)) }
        return Table(
            title, [.init("s"), .init("event", .left)],
            rows: entries.sorted { $0.0 < $1.0 }.map { [Format.decimal($0.0, 2), $0.1] })
    }
}

/// What had been answered at a time.
struct Answers: Equatable, Sendable {
    var seconds: Double
    var acknowledged: Int
    /// Refused, or never answered.
    var refused: Int
}

extension [Answers] {
    /// What is wrong with the answers before a fault, and over the last 2 s.
    ///
    /// - Parameter refusedShareMax: part that may be refused, for instance because a loaded machine is slow.
    func complaints(_ marks: [FaultMark], refusedShareMax: Double) -> [String] {
        guard let begin = marks.begin, let end = marks.end, let last, let start = first,
            let calm = self.last(where: { $0.seconds < begin }), last.seconds > end,
            let late = self.last(where: { $0.seconds <= Swift.max(end, last.seconds - 2) })
        else { return [] }
        var complaints: [String] = []
        func many(_ refused: Int, of acknowledged: Int) -> Bool {
            Double(refused) > refusedShareMax * Double(refused + acknowledged)
        }
        if many(calm.refused, of: calm.acknowledged) {
            complaints.append("\(calm.refused) were refused or not answered before the fault")
        }
        if many(last.refused - late.refused, of: last.acknowledged - late.acknowledged) {
            complaints.append("\(last.refused - late.refused) were refused or not answered in the last 2 s")
        }
        let before = Double(calm.acknowledged - start.acknowledged) / Swift.max(calm.seconds - start.seconds, 0.1)
        let after = Double(last.acknowledged - late.acknowledged) / Swift.max(last.seconds - late.seconds, 0.1)
        if after < before / 2 {
            complaints.append(
                "\(Format.decimal(after, 0)) a second are acknowledged in the end, \(Format.decimal(before, 0)) before")
        }
        return complaints
    }
}

/// How fast a number grew, a second, at each of its points: over so many points before it.
func rates(_ points: [(seconds: Double, sum: Int)], over window: Int = 1) -> [Double] {
    points.indices.map { index in
        let (before, now) = (points[max(0, index - window)], points[index])
        return now.seconds > before.seconds ? Double(now.sum - before.sum) / (now.seconds - before.seconds) : 0
    }
}

/// Processor time and memory of a process of the experiment.
struct ProcessCosts: Equatable, Sendable {
    var name: String
    /// 1 without restarts.
    var starts: Int
    var usage: ProcessUsage

    static func all(_ testbed: Testbed) -> [ProcessCosts] {
        testbed.nodes.map { ProcessCosts(name: $0.name, starts: $0.starts, usage: $0.usage) }
    }

    static let metrics = MetricList<ProcessCosts> { list in
        list.group("Processes")
        list.add("CPU user", .seconds) { $0.usage.cpuUserSeconds }
        list.add("CPU system", .seconds) { $0.usage.cpuSystemSeconds }
        list.add("memory, peak", .bytes) { Double($0.usage.memoryPeakBytes) }
        list.count("starts") { $0.starts }
    }
}
