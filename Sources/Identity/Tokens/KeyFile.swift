public import Primitives

#if canImport(Glibc)
    import Glibc
#endif
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `AUTH_KEYS_FILE`: a key set that is read again when the file changes. What cannot be read leaves the keys as they were.
public final class KeyFile: Sendable {
    /// What tells one content of the file from the next.
    private struct Stamp: Equatable {
        var modified: Int
        var nanoseconds: Int
        var size: Int
        var inode: UInt
    }

    private struct State {
        var keys = TokenKeys()
        /// Rises with each set that was read.
        var version = 0
        var stamp: Stamp?
        var lookedAt: UInt64 = 0
        var problem: String?
    }

    /// Time between two looks at the file.
    public static let interval: Duration = .seconds(1)
    static let bytesMax = 1 << 20

    public let path: String
    private let now: @Sendable () -> UInt64
    private let state = Mutex(State())

    /// - Parameter now: nanoseconds of a clock that does not go back.
    public init(path: String, now: @escaping @Sendable () -> UInt64 = MonotonicClock.now) {
        self.path = path
        self.now = now
    }

    /// Why the file on disk is not in use; `nil` when it is.
    public var problem: String? { state.withLock { $0.problem } }

    /// Reads the file for the first time.
    ///
    /// - Throws: ``KeyProblem``.
    public func load() async throws {
        let stamp = Self.stamp(of: path)
        let keys = try await Self.read(path)
        accept(keys, stamp)
    }

    /// The keys, and the number of their set.
    func current() async -> (keys: TokenKeys, version: Int) {
        await look()
        return state.withLock { ($0.keys, $0.version) }
    }

    /// Reads the file again if it has changed; looks at it once a second at most.
    public func look() async {
        let time = now()
        let (isDue, known) = state.withLock { state in
            // Nobody is told that a token is wrong before there were any keys.
            let isDue = state.version == 0 || time >= state.lookedAt + Self.interval.nanoseconds
            if isDue { state.lookedAt = time }
            return (isDue, state.stamp)
        }
        if isDue {
            let stamp = Self.stamp(of: path)
            if stamp != known || stamp == nil { await reload(stamp) }
        }
    }

    private func reload(_ stamp: Stamp?) async {
        do {
            accept(try await Self.read(path), stamp)
        } catch {
            state.withLock { state in
                state.stamp = stamp
                state.problem = "\(error)"
            }
        }
    }

    private func accept(_ keys: TokenKeys, _ stamp: Stamp?) {
        state.withLock { state in
            state.keys = keys
            state.version += 1
            state.stamp = stamp
            state.problem = nil
        }
    }

    private static func read(_ path: String) async throws -> TokenKeys {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw KeyProblem(description: "it cannot be read")
        }
        guard data.count <= bytesMax else { throw KeyProblem(description: "it is larger than \(bytesMax) bytes") }
        return try await TokenKeys(json: data)
    }

    private static func stamp(of path: String) -> Stamp? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return Stamp(
            modified: info.st_mtim.tv_sec, nanoseconds: info.st_mtim.tv_nsec, size: Int(info.st_size),
            inode: UInt(info.st_ino))
    }
}
