internal import Logging
public import Wire

/// Knows the current states of channels: a viewer is told them when it comes, and not only with the next change.
public protocol StateSource: Sendable {
    /// Channels of which it knows anything.
    var kinds: Set<Channel.Kind> { get }

    /// The current state events of those channels that have any, one frame each. May be older than an event that is
    /// under way, but by no more than the next event will correct.
    func states(of channels: [Channel]) async throws -> [Channel: [UInt8]]
}

extension Hub {
    /// What viewers who came are told of states. It may fail: then they wait for the next event.
    func snapshot(_ batch: [Channel]) async {
        guard let states else { return }
        do {
            let frames = try await states.states(of: Array(Set(batch)))
            book.withLock { carryOut($0.snapshot(frames)) }
        } catch {
            logger.debug("current states cannot be read", metadata: ["error": "\(error)"])
        }
    }
}
