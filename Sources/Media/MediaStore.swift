internal import Crypto
import FoundationEssentials
public import PostgresLibpq
public import Storage

/// Pictures in PostgreSQL, and their files.
///
/// A file is there whenever its row is: files are put before the row is committed, and removed while the row is locked.
public struct MediaStore: Sendable {
    /// Pictures of one owner that no post shows.
    public static let unusedMax = 100

    public struct Picture: Equatable, Sendable {
        public var id: String
        /// Of the files, without `-<side>.webp`.
        public var name: String
        public var width: Int
        public var height: Int

        public init(id: String, name: String, width: Int, height: Int) {
            self.id = id
            self.name = name
            self.width = width
            self.height = height
        }
    }

    public enum Added: Equatable, Sendable {
        case added(Picture)
        case unknownOwner
        /// ``unusedMax`` are there.
        case tooMany
    }

    private let pool: PostgresPool
    private let files: any MediaFiles

    /// The pool is started and stopped by the caller; the schema is there (``Storage/Migrator``).
    public init(pool: PostgresPool, files: any MediaFiles) {
        self.pool = pool
        self.files = files
    }

    /// What an owner's files are called: by what was uploaded, and otherwise for every owner, so that nobody learns from a
    /// name what others have.
    public static func name(owner: String, digest: String) -> String {
        let text = hex(SHA256.hash(data: Data("\(owner)\u{0}\(digest)".utf8)))
        return "\(text.prefix(2))/\(text.dropFirst(2))"
    }

    /// Two digits a byte.
    public static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    public static func file(_ name: String, side: Int) -> String { "\(name)-\(side).webp" }

    /// The same upload of the same owner; its day without a post begins anew.
    public func known(owner: String, digest: String) async throws(StorageError) -> Picture? {
        try await pool.session { connection in
            try connection.query(
                """
                UPDATE media SET changed_at = now() WHERE owner_id = $1 AND source_digest = $2
                RETURNING media_id, name, width, height
                """, [.text(owner), .text(digest)], row: Picture.init
            ).first
        }
    }

    /// - Parameter paths: of the files of ``ImageConverter/sides``, in that order.
    public func add(
        _ picture: Picture, owner: String, digest: String, paths: [String]
    ) async throws(StorageError) -> Added {
        try await pool.session { [files] connection in
            try connection.transaction { connection in
                // Locked: one upload of an owner at a time counts.
                let owners = try connection.query(
                    "SELECT 1 FROM users WHERE user_id = $1 FOR NO KEY UPDATE", [.text(owner)])
                guard !owners.isEmpty else { return .unknownOwner }
                let unused = try connection.query(
                    "SELECT count(*) FROM media WHERE owner_id = $1 AND uses = 0 AND source_digest <> $2",
                    [.text(owner), .text(digest)]
                ) { row throws(PostgresError) in try row.bigint(0) }.first
                guard let unused, unused < Int64(Self.unusedMax) else { return .tooMany }
                // Waits for a removal of the same that is under way.
                let added = try connection.query(
                    addStatement,
                    [
                        .text(picture.id), .text(owner), .text(digest), .text(picture.name),
                        .integer(Int32(picture.width)), .integer(Int32(picture.height)),
                    ], row: Picture.init
                ).first
                guard let added else { return .unknownOwner }
                for (side, path) in zip(ImageConverter.sides, paths) {
                    try files.put(path, as: Self.file(added.name, side: side))
                }
                return .added(added)
            }
        }
    }

    /// Removes pictures that no post has shown for `age`, at most 100 in a call, and their files.
    ///
    /// - Returns: how many.
    public func purge(olderThan age: Duration) async throws(StorageError) -> Int {
        try await pool.session { [files] connection in
            try connection.transaction { connection in
                let names = try connection.query(
                    purgeStatement, [.bigint(Int64(age.components.seconds))]
                ) { row throws(PostgresError) in try row.text(0) }
                for name in names {
                    for side in ImageConverter.sides { try files.remove(Self.file(name, side: side)) }
                }
                return names.count
            }
        }
    }
}

extension MediaStore.Picture {
    init(_ row: PostgresRow) throws(PostgresError) {
        id = try row.text(0)
        name = try row.text(1)
        width = Int(try row.integer(2))
        height = Int(try row.integer(3))
    }
}

private let addStatement: PostgresStatement = """
    INSERT INTO media (media_id, owner_id, source_digest, name, width, height) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (owner_id, source_digest) DO UPDATE SET changed_at = now()
    RETURNING media_id, name, width, height
    """

private let purgeStatement: PostgresStatement = """
    DELETE FROM media WHERE media_id = ANY(ARRAY(
        SELECT media_id FROM media WHERE uses = 0 AND changed_at < now() - $1 * interval '1 second' LIMIT 100
        FOR UPDATE SKIP LOCKED))
    RETURNING name
    """
