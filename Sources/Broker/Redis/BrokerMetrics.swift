import CoreMetrics

/// What a broker counts.
struct BrokerMetrics: Sendable {
    /// Log events acknowledged by Redis.
    let published = Counter(label: "chorus_broker_published_total")
    /// State events acknowledged by Redis.
    let statesPublished = Counter(label: "chorus_broker_states_published_total")
    /// From a publishing call to Redis's answer.
    let publishTime = Timer(label: "chorus_broker_publish_duration")
    /// History pages read.
    let historyReads = Counter(label: "chorus_broker_history_reads_total")
    /// Messages on a subscribed channel that are no frame of this project and were dropped.
    let malformedMessages = Counter(label: "chorus_broker_malformed_messages_total")
    /// Probes of the subscriber connection that came back.
    let probesReturned = Counter(label: "chorus_broker_probes_returned_total")
    /// Probes that did not come back in time; each cost the subscriber its connection.
    let probesMissing = Counter(label: "chorus_broker_probes_missing_total")
    private let failures: [BrokerError.Code: Counter]

    init() {
        failures = Dictionary(
            uniqueKeysWithValues: BrokerError.Code.allCases.map {
                ($0, Counter(label: "chorus_broker_failures_total", dimensions: [("code", $0.rawValue)]))
            })
    }

    /// Calls that threw, by code.
    func failed(_ code: BrokerError.Code) { failures[code]?.increment() }
}
