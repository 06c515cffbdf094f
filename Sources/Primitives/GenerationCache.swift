/// A bounded table that forgets what was not used for longest, in two generations: when the younger one is full it becomes
/// the older one, and the older one goes. Every operation takes constant time, and an entry survives at least
/// `limit / 2` insertions of others after its last use.
public struct GenerationCache<Key: Hashable, Value> {
    @usableFromInline var young: [Key: Value] = [:]
    @usableFromInline var old: [Key: Value] = [:]
    @usableFromInline let generationMax: Int

    /// - Parameter limit: entries kept, 2 or more.
    @inlinable
    public init(limit: Int) {
        generationMax = max(1, limit / 2)
    }

    /// Entries that are kept.
    public var count: Int { young.count + old.count }

    /// Reading does not count as use; ``touch(_:)`` does, and so does writing. `nil` removes.
    @inlinable
    public subscript(key: Key) -> Value? {
        get { young[key] ?? old[key] }
        set {
            old[key] = nil
            guard let newValue else { return young[key] = nil }
            if young[key] == nil { makeRoom() }
            young[key] = newValue
        }
    }

    /// Changes the value in place; an absent one begins as `initial`. Counts as use.
    @inlinable
    public mutating func update<Result>(
        _ key: Key, initial: @autoclosure () -> Value, _ body: (inout Value) -> Result
    ) -> Result {
        touch(key)
        if young[key] == nil { makeRoom() }
        return body(&young[key, default: initial()])
    }

    /// Marks the entry as used.
    @inlinable
    public mutating func touch(_ key: Key) {
        _ = used(key)
    }

    /// The value, marked as used.
    @inlinable
    public mutating func used(_ key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old.removeValue(forKey: key) else { return nil }
        makeRoom()
        young[key] = value
        return value
    }

    /// Forgets everything.
    public mutating func removeAll() {
        young = [:]
        old = [:]
    }

    @inlinable
    mutating func makeRoom() {
        guard young.count >= generationMax else { return }
        old = young
        young = [:]
    }
}

extension GenerationCache: Sendable where Key: Sendable, Value: Sendable {}
