import Fanout
import ServiceRuntime
import Wire

/// What a Reader counts, for Prometheus. The numbers are the hub's own, read when somebody asks.
enum ReaderMetrics {
    static func register(_ hub: Hub, in registry: PrometheusRegistry) {
        registry.gauge("chorus_reader_connections", "Viewers' connections that are open.") {
            Double(hub.counters.connections)
        }
        registry.gauge(
            "chorus_reader_extra_subscriptions",
            "Channels subscribed only for viewers whose place is another Reader, and who cannot be redirected."
        ) { Double(hub.extraSubscriptions) }
        for (name, help, value) in histograms {
            registry.histogram(name, help) { hub.counters[keyPath: value] }
        }
        for (name, help, value) in counters {
            registry.counter(name, help) { Double(hub.counters[keyPath: value]) }
        }
        for reason in DisconnectReason.allCases {
            registry.counter(
                "chorus_reader_disconnects", "Connections that ended, by reason.",
                dimensions: [("reason", reason.rawValue)]
            ) { Double(hub.counters.disconnects[reason] ?? 0) }
        }
        registry.gauge("chorus_reader_socketio_sessions", "Sessions of Socket.IO that are open.") {
            Double(hub.counters.sessions)
        }
        registry.counter(
            "chorus_reader_socketio_upgrades", "Sessions of Socket.IO that went from polling to a WebSocket."
        ) { Double(hub.counters.sessionUpgrades) }
        for reason in DisconnectReason.allCases {
            registry.counter(
                "chorus_reader_socketio_endings", "Sessions of Socket.IO that ended, by reason.",
                dimensions: [("reason", reason.rawValue)]
            ) { Double(hub.counters.sessionEndings[reason] ?? 0) }
        }
        for refusal in HubRefusal.allCases {
            registry.counter(
                "chorus_reader_refusals", "Connects that were refused, by code.",
                dimensions: [("code", refusal.rawValue)]
            ) { Double(hub.counters.refusals[refusal] ?? 0) }
        }
        for loop in 0..<hub.settings.loops {
            registry.counter(
                "chorus_reader_loop_busy_seconds", "Time that a loop has worked, not waited.",
                dimensions: [("loop", String(loop))]
            ) { Double(hub.busyNanoseconds[loop]) / 1e9 }
        }
    }

    private static var histograms: [(String, String, any KeyPath<HubCounters, DurationHistogram> & Sendable)] {
        [
            (
                "chorus_reader_receive_duration", "From a comment's timestamp to its arrival here, by two wall clocks.",
                \.receiveTimes
            ),
            (
                "chorus_reader_socket_duration", "From there until the last viewer's bytes were with the kernel.",
                \.socketTimes
            ),
            ("chorus_reader_delivery_duration", "From a comment's timestamp until then.", \.deliveryTimes),
        ]
    }

    private static var counters: [(String, String, any KeyPath<HubCounters, Int> & Sendable)] {
        [
            ("chorus_reader_connections_total", "Viewers' connections that were ever attached.", \.connectionsTotal),
            ("chorus_reader_messages_received", "Messages of logs that came from Redis.", \.messagesReceived),
            ("chorus_reader_states_received", "State events that came from Redis.", \.statesReceived),
            ("chorus_reader_messages_duplicate", "Messages that had been delivered before.", \.duplicates),
            ("chorus_reader_messages_deferred", "Messages left to a repair: a loop was behind.", \.messagesDeferred),
            ("chorus_reader_repairs", "Histories read for a channel after an interruption.", \.repairs),
            ("chorus_reader_resumptions", "Viewers who came back and got what they missed.", \.recoveries),
            ("chorus_reader_resume_reads", "Pages of history read for them; one serves all who wait.", \.historyReads),
            ("chorus_reader_events_sent", "Events written, one for each viewer and event.", \.eventsSent),
            ("chorus_reader_messages_sent", "How many of them were messages of logs.", \.messagesSent),
            ("chorus_reader_gaps", "Gaps that viewers were told of.", \.gaps),
            ("chorus_reader_writes", "System calls that wrote them.", \.writes),
            ("chorus_reader_states_conflated", "State events that a newer one replaced.", \.conflated),
        ]
    }
}
