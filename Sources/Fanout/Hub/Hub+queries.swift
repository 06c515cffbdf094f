internal import Broker
internal import Logging
internal import Primitives
public import Wire

/// Knows the current states of channels: a viewer gets them when it is attached, and not only with the next change.
public protocol StateSource: Sendable {
    /// Channels of which it knows anything.
    var kinds: Set<Channel.Kind> { get }

    /// The current state events of those channels that have any, one frame each. May be older than an event that is on
    /// its way, but by no more than the next event will correct.
    func states(of channels: [Channel]) async throws -> [Channel: [UInt8]]
}

/// Queries that the registry asks for. What fails is asked again, as long as the answer is wanted.
extension Hub {
    private static let retryPause = Duration.milliseconds(200)
    /// Wait before a loop that was full is looked at again.
    private static let roomPause = Duration.milliseconds(20)
    private static let historyPage = 1000

    func readPositions(_ batch: [ChannelQuery]) async {
        let queries = step { registry in batch.filter { registry.needs($0) } }
        guard !queries.isEmpty else { return }
        do {
            let positions = try await broker.positions(of: queries.map(\.channel))
            step { registry, room in
                for (query, position) in zip(queries, positions) {
                    registry.positioned(query, at: position, room: room)
                }
            }
        } catch {
            logger.warning("positions cannot be read", metadata: ["error": "\(error)"])
            try? await Task.sleep(for: Self.retryPause)
            for query in queries { positionQueries.submit(query) }
        }
    }

    /// The history that a channel needs after an interruption.
    func readHistory(_ query: ChannelQuery) async {
        let (start, hasRoom) = step { registry, room in
            // A loop that is full would refuse the page.
            (registry.repairStart(of: query), (0..<settings.loops).allSatisfy { room($0, 1) })
        }
        guard let start else { return }
        var pause = Self.roomPause
        if hasRoom {
            do {
                count { $0.repairs += 1 }
                let page = try await broker.history(
                    of: query.channel, after: start.offset, through: nil, limit: Self.historyPage)
                if step({ $0.repaired(query, with: page, room: $1) }) { return }
            } catch {
                logger.warning("a history cannot be read", metadata: ["error": "\(error)"])
                pause = Self.retryPause
            }
        }
        try? await Task.sleep(for: pause)
        historyQueries.submit(query)
    }

    /// The history that viewers missed.
    func recover(_ group: RecoveryGroup) async {
        var group = group
        count { $0.recoveries += group.count }
        do {
            while let offset = group.offset {
                count { $0.historyReads += 1 }
                let page = try await broker.history(
                    of: group.channel, after: offset, through: nil, limit: Self.historyPage)
                submit(group.received(page))
            }
        } catch {
            logger.warning("viewers cannot recover", metadata: ["error": "\(error)"])
            submit(group.failures)
        }
        step { $0.recovered(group.channel) }
    }

    /// May fail: then viewers wait for the next event.
    func readStates(_ batch: [Channel]) async {
        guard let states else { return }
        do {
            let frames = try await states.states(of: Array(Set(batch)))
            step { $0.snapshot(frames) }
        } catch {
            logger.debug("current states cannot be read", metadata: ["error": "\(error)"])
        }
    }
}
