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
        merged.viewers.add(other.viewers)
        merged.publishing.add(other.publishing)
        merged.delivery.add(other.delivery)
        merged.latencyHistogram.merge(other.latencyHistogram)
        merged.latencyFromDueHistogram.merge(other.latencyFromDueHistogram)
        merged.bytesReceived += other.bytesReceived
        merged.process.add(other.process)
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
    /// Those of another shard.
    public mutating func add(_ other: Self) {
        wanted += other.wanted
        connected += other.connected
        failed += other.failed
        connectSeconds = max(connectSeconds, other.connectSeconds)
        reconnects += other.reconnects
    }
}

extension SwarmReport.Publishing {
    fileprivate mutating func add(_ other: Self) {
        offered += other.offered
        started += other.started
        acknowledged += other.acknowledged
        failed += other.failed
        dropped += other.dropped
        for field in [\Self.refused, \.unknown, \.stored] {
            if let more = other[keyPath: field] { self[keyPath: field] = (self[keyPath: field] ?? 0) + more }
        }
    }
}

extension SwarmReport.Process {
    fileprivate mutating func add(_ other: Self) {
        cpuSeconds += other.cpuSeconds
        loopBusyShare = max(loopBusyShare, other.loopBusyShare)
        residentBytesMax += other.residentBytesMax
    }
}
