internal import Crypto
import FoundationEssentials
public import PostgresLibpq
public import Storage

/// A picture that was uploaded.
public struct Picture: Equatable, Sendable {
    public var id: String
    /// Of its files, without `-<side>.webp`.
    public var name: String
    /// Of the larger file, in pixels.
    public var width: Int
    public var height: Int

    public init(id: String, name: String, width: Int, height: Int) {
        self.id = id
        self.name = name
        self.width = width
        self.height = height
    }
}

/// Pictures in PostgreSQL, and their files.
///
/// A file is there whenever its row is: files are put before the row is committed, and removed after its end is. Between
/// the two, `media_removed` holds their name, so that what a process that dies leaves is found by the next one.
public struct MediaStore: Sendable {
    /// Pictures of one owner that no post shows.
    public static let unusedMax = 100

    public enum Added: Equatable, Sendable {
        case added(Picture)
        case unknownOwner
        /// ``unusedMax`` are there.
        case tooMany
    }

    /// Pictures that one call removes.
    public static let removedMax = 100

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
                    "SELECT 1 FROM users WHERE user_id = $1 AND erased_at IS NULL FOR NO KEY UPDATE", [.text(owner)])
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
                // Waits for who removes the files; whoever comes later leaves them alone.
                try connection.execute("DELETE FROM media_removed WHERE name = $1", [.text(added.name)])
                for (side, path) in zip(ImageConverter.sides, paths) {
                    try files.put(path, as: Self.file(added.name, side: side))
                }
                return .added(added)
            }
        }
    }

    /// Removes pictures that no post has shown for `age`, at most ``removedMax`` in a call, and their files.
    ///
    /// - Returns: how many.
    public func purge(olderThan age: Duration) async throws(StorageError) -> Int {
        try await remove(purgeStatement, [.bigint(Int64(age.components.seconds))])
    }

    /// Removes pictures of an owner that no post shows, at most ``removedMax`` in a call, and their files.
    ///
    /// - Returns: how many.
    public func removeUnused(of owner: String) async throws(StorageError) -> Int {
        try await remove(removeStatement, [.text(owner)])
    }

    private func remove(
        _ statement: PostgresStatement, _ values: [PostgresValue]
    ) async throws(StorageError) -> Int {
        let values = values + [.bigint(Int64(Self.removedMax))]
        let removed = try await pool.session { connection in
            try connection.query(statement, values) { row throws(PostgresError) in try row.bigint(0) }.first ?? 0
        }
        while try await removeFiles() == Self.removedMax {}
        return Int(removed)
    }

    /// The names are locked meanwhile: who uploads the same again waits, and puts the files anew.
    private func removeFiles() async throws(StorageError) -> Int {
        try await pool.session { [files] connection in
            try connection.transaction { connection in
                let names = try connection.query(
                    "SELECT name FROM media_removed LIMIT $1 FOR UPDATE SKIP LOCKED", [.bigint(Int64(Self.removedMax))]
                ) { row throws(PostgresError) in try row.text(0) }
                guard !names.isEmpty else { return 0 }
                for name in names {
                    for side in ImageConverter.sides { try files.remove(Self.file(name, side: side)) }
                }
                try connection.execute("DELETE FROM media_removed WHERE name = ANY($1::text[])", [.texts(names)])
                return names.count
            }
        }
    }
}

extension Picture {
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
    WITH gone AS (
        DELETE FROM media WHERE media_id = ANY(ARRAY(
            SELECT media_id FROM media WHERE uses = 0 AND changed_at < now() - $1 * interval '1 second' LIMIT $2
            FOR UPDATE SKIP LOCKED))
        RETURNING name
    ), noted AS (
        INSERT INTO media_removed (name) SELECT name FROM gone ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM gone
    """

private let removeStatement: PostgresStatement = """
    WITH gone AS (
        DELETE FROM media WHERE media_id = ANY(ARRAY(
            SELECT media_id FROM media AS m
            WHERE owner_id = $1 AND NOT EXISTS (SELECT 1 FROM post_media AS p WHERE p.media_id = m.media_id) LIMIT $2
            FOR UPDATE SKIP LOCKED))
        RETURNING name
    ), noted AS (
        INSERT INTO media_removed (name) SELECT name FROM gone ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM gone
    """
