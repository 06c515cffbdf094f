import RedisNIO
import Storage

/// What one user wants of one photo. Ids are checked by whoever makes it (``Wire/Identifier``).
public struct LikeIntent: Hashable, Sendable {
    public var photo: String
    public var user: String
    public var liked: Bool

    public init(photo: String, user: String, liked: Bool) {
        self.photo = photo
        self.user = user
        self.liked = liked
    }
}

/// What became of an intent: the user's state is now what was wanted.
public struct LikeOutcome: Hashable, Sendable {
    /// `false` when it had been so before.
    public var changed: Bool
}

/// Why an intent or a question was not served. The message names no key and no id.
public struct LikeError: Error, Hashable, Sendable {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// Redis is away. Nothing is known to have changed.
        case unavailable = "likes_unavailable"
        /// No answer in time: whether it changed is unknown, and asking again does no harm.
        case timeout = "likes_timeout"
        /// More waits than the limits allow.
        case overloaded = "likes_overloaded"
        /// As many changes wait for the database as may wait (`LIKE_STREAM_MAX`).
        case backlogFull = "likes_backlog_full"
        /// The likes of this photo have to be read from the database first, or Redis to be held against it, and that is
        /// away or takes too long; or the database had to confirm and did not.
        case databaseUnavailable = "record_unavailable"
        /// Nobody registered the photo, and only registered photos are liked here.
        case unknownPhoto = "unknown_photo"
        /// A defect, or a foreign value.
        case `internal` = "likes_failed"
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: RedisError) {
        let code: Code =
            switch error.code {
            case .timeout, .closed: .timeout
            case .overloaded, .reply("OOM"), .reply("BUSY"): .overloaded
            case .notConnected, .reply("LOADING"), .reply("READONLY"), .reply("MASTERDOWN"), .reply("CLUSTERDOWN"),
                .reply("MISCONF"), .reply("NOREPLICAS"), .reply("NOAUTH"), .reply("NOPERM"), .reply("NOSCRIPT"):
                .unavailable
            case .protocolViolation, .unsupported, .reply: .internal
            }
        self.init(code, error.description)
    }

    /// Runs `body`; what Redis or the database throws becomes a ``LikeError``.
    static func mapping<Value: Sendable>(_ body: () async throws -> Value) async throws(LikeError) -> Value {
        do {
            return try await body()
        } catch let error as StorageError {
            // A table that is missing or a right that was taken away can be put right, as a server that is away.
            throw LikeError(error.code == .invalid ? .internal : .databaseUnavailable, error.description)
        } catch let error as RedisError {
            throw LikeError(error)
        } catch {
            throw error as? LikeError ?? LikeError(.internal, "an error of another kind")
        }
    }
}

extension LikeError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
}
