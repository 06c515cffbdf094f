extension SwarmReport {
    /// Why two reports are not parts of one run.
    public struct MergeError: Error, Equatable, Sendable, CustomStringConvertible {
        public enum Code: String, Sendable {
            case versionsDiffer = "versions_differ"
            case parametersDiffer = "parameters_differ"
            case shardTwice = "shard_twice"
            case nothingToMerge = "nothing_to_merge"
        }

        public let code: Code
        public let description: String
    }

    /// The report of both parts: counts are added, histograms merged, durations and shares are the larger ones.
    public func merged(with other: SwarmReport) throws(MergeError) -> SwarmReport {
        try checkMergeable(with: other)
        var merged = self
        merged.shards = (shards + other.shards).sorted { ($0.count, $0.index) < ($1.count, $1.index) }
        merged.viewers = viewers.merged(with: other.viewers)
        merged.publishing = publishing.merged(with: other.publishing)
        merged.delivery = delivery.merged(with: other.delivery)
        merged.latencyHistogram.merge(other.latencyHistogram)
        merged.latencyFromDueHistogram.merge(other.latencyFromDueHistogram)
        merged.bytesReceived += other.bytesReceived
        merged.process = process.merged(with: other.process)
        merged.generatorLimited = generatorLimited || other.generatorLimited
        return merged
    }

    /// The report of all parts.
    public static func merged(_ reports: some Sequence<SwarmReport>) throws(MergeError) -> SwarmReport {
        var whole: SwarmReport?
        for report in reports { whole = try whole?.merged(with: report) ?? report }
        guard let whole else { throw MergeError(code: .nothingToMerge, description: "there is no report to merge") }
        return whole
    }

    private func checkMergeable(with other: SwarmReport) throws(MergeError) {
        guard version == other.version else {
            throw MergeError(code: .versionsDiffer, description: "versions \(version) and \(other.version) differ")
        }
        guard parameters == other.parameters else {
            throw MergeError(code: .parametersDiffer, description: "the reports come from runs with other parameters")
        }
        let twice = shards.first { shard in other.shards.contains { $0 == shard || $0.count != shard.count } }
        if let twice {
            throw MergeError(code: .shardTwice, description: "shard \(twice) is in both reports, or N differs")
        }
    }
}

extension SwarmReport.Viewers {
    func merged(with other: Self) -> Self {
        Self(
            wanted: wanted + other.wanted, connected: connected + other.connected, failed: failed + other.failed,
            connectSeconds: max(connectSeconds, other.connectSeconds), reconnects: reconnects + other.reconnects)
    }
}

extension SwarmReport.Publishing {
    func merged(with other: Self) -> Self {
        Self(
            offered: offered + other.offered, started: started + other.started,
            acknowledged: acknowledged + other.acknowledged, failed: failed + other.failed,
            dropped: dropped + other.dropped, refused: Self.sum(refused, other.refused),
            unknown: Self.sum(unknown, other.unknown), stored: Self.sum(stored, other.stored))
    }

    private static func sum(_ left: Int?, _ right: Int?) -> Int? {
        left == nil && right == nil ? nil : (left ?? 0) + (right ?? 0)
    }
}

extension SwarmReport.Process {
    func merged(with other: Self) -> Self {
        Self(
            cpuSeconds: cpuSeconds + other.cpuSeconds, loopBusyShare: max(loopBusyShare, other.loopBusyShare),
            residentBytesMax: residentBytesMax + other.residentBytesMax)
    }
}
