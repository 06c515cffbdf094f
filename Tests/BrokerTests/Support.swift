import Broker
import Synchronization
import Wire

/// Records what a subscriber hands over.
final class RecordingSink: SubscriptionSink {
    enum Event: Equatable {
        case established
        case subscribed([Channel])
        case received([BrokerMessage])
        case lost
    }

    private let recorded = Mutex<[Event]>([])
    /// Runs within `received`, on the subscriber's loop.
    let onReceived: (@Sendable ([BrokerMessage]) -> Void)?

    init(onReceived: (@Sendable ([BrokerMessage]) -> Void)? = nil) {
        self.onReceived = onReceived
    }

    var events: [Event] { recorded.withLock { $0 } }

    var messages: [BrokerMessage] {
        events.flatMap { event -> [BrokerMessage] in
            if case .received(let messages) = event { return messages }
            return []
        }
    }

    var subscribedChannels: [Channel] {
        events.flatMap { event -> [Channel] in
            if case .subscribed(let channels) = event { return channels }
            return []
        }
    }

    func count(_ event: Event) -> Int { events.count { $0 == event } }

    private func record(_ event: Event) { recorded.withLock { $0.append(event) } }

    func connectionEstablished() { record(.established) }
    func subscribed(_ channels: [Channel]) { record(.subscribed(channels)) }
    func received(_ messages: [BrokerMessage]) {
        record(.received(messages))
        onReceived?(messages)
    }
    func connectionLost() { record(.lost) }
}

func video(_ id: String) -> Channel {
    // The ids of these tests keep the rule.
    Channel(.video, id: id) ?? Channel.unnamed
}

extension Channel {
    fileprivate static var unnamed: Channel {
        guard let channel = Channel(name: "video:unnamed") else { preconditionFailure("a valid name") }
        return channel
    }
}

func payload(_ number: Int) -> [UInt8] { Array("data: {\"n\":\(number)}\n\n".utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
