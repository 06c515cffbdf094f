/// Builds ``RESPValue``s: the replies to commands.
final class ValueBuilder: ReplyBuilder {
    private struct Level {
        var remaining: Int
        var values: [RESPValue] = []
    }

    private var levels: [Level] = []
    private var finished: RESPValue?

    /// The reply that was just read.
    func take() -> RESPValue? {
        defer { finished = nil }
        return finished
    }

    override func string(_ bytes: UnsafeRawBufferPointer, kind: StringKind, at place: Place?) {
        switch kind {
        case .bulk: add(.bytes(Array(bytes)))
        case .status: add(.status(String(decoding: bytes, as: UTF8.self)))
        case .error: add(.failure(RedisError(serverText: String(decoding: bytes, as: UTF8.self))))
        }
    }

    override func integer(_ value: Int64, at place: Place?) { add(.integer(value)) }

    override func null(at place: Place?) { add(.null) }

    override func array(count: Int, at place: Place?) {
        guard count > 0 else { return add(.array([])) }
        levels.append(Level(remaining: count))
    }

    private func add(_ value: RESPValue) {
        var value = value
        while var level = levels.popLast() {
            level.values.append(value)
            level.remaining -= 1
            if level.remaining > 0 {
                levels.append(level)
                return
            }
            value = .array(level.values)
        }
        finished = value
    }
}
