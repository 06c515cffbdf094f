import Broker
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Media
import NIOCore
import ServiceLifecycle
import ServiceRuntime
import ServiceStorage
import Social
import Storage
import TestSupport
import Testbed
import Testing

@testable import CommentAPI
@testable import LikeAPI
@testable import SocialAPI

@Suite(.serialized) struct ErasureTests {
    /// The same in everything that the user writes; every word of it begins so.
    private static let marker = "zzmarker"
    private static let user = "zzmarker_anna"

    /// CommentAPI and LikeAPI on the database and the Redis of a SocialAPI.
    private func withOthers(
        _ social: TestSocial,
        _ body:
            @escaping @Sendable (_ comments: any TestClientProtocol, _ likes: any TestClientProtocol) async throws ->
            Void
    ) async throws {
        let environment = social.environment.merging([
            "AUTH": "optional", "OUTBOX_GRACE_SECONDS": "5", "OUTBOX_INTERVAL_MS": "100",
            "DATABASE_STATEMENT_TIMEOUT_MS": "1000", "LIKE_CLAIM_MS": "100", "LIKE_WRITE_INTERVAL_MS": "20",
            "NOTIFICATION_INTERVAL_MS": "20", "LIKE_COUNT_AGE_MS": "0",
        ]) { $1 }.filter { $0.key != "AUTH_SIGNING_KEY_FILE" && $0.key != "MEDIA_FOLDER" }
        let commentSettings = try CommentAPISettings.read(environment: environment)
        let commentProcess = ServiceProcess(
            name: "CommentAPI", server: commentSettings.server, logger: quietLogger)
        let commentBroker = ServiceBroker(
            redis: commentSettings.redis, history: commentSettings.history, process: commentProcess)
        let comments = CommentAPI.assemble(
            commentSettings, commentProcess, broker: commentBroker.broker, services: [commentBroker])
        let likeSettings = try LikeAPISettings.read(environment: environment)
        let likeProcess = ServiceProcess(name: "LikeAPI", server: likeSettings.server, logger: quietLogger)
        let likeBroker = ServiceBroker(
            redis: likeSettings.redis, history: likeSettings.history, process: likeProcess)
        let likes = LikeAPI.assemble(
            likeSettings, likeProcess, broker: likeBroker.broker,
            database: LikeDatabase(social.database, likeSettings), services: [likeBroker])
        let services = comments.services + likes.services
        try await withBackground({
            try await withThrowingTaskGroup(of: Void.self) { group in
                for service in services { group.addTask { try await service.run() } }
                try await group.waitForAll()
            }
        }) {
            for process in [commentProcess, likeProcess] {
                try #require(await eventually(within: 30) { process.readiness.status().blocking.isEmpty })
            }
            let others = likeProcess.makeApplication(router: likes.router)
            try await commentProcess.makeApplication(router: comments.router).test(.router) { one in
                try await others.test(.router) { other in
                    try await body(one, other)
                }
            }
        }
    }

    private func send(
        _ client: any TestClientProtocol, _ method: HTTPRequest.Method, _ uri: String, _ json: String, _ token: String
    ) async throws -> String {
        let response = try await client.execute(
            uri: uri, method: method, headers: [.contentType: "application/json", .authorization: "Bearer \(token)"],
            body: ByteBuffer(string: json)
        ) { $0 }
        try #require(response.status.code < 300, "\(uri): \(String(buffer: response.body))")
        return String(buffer: response.body)
    }

    /// Everything that a dump of the database, the keys of Redis and the files hold.
    private static func everything(_ social: TestSocial, _ folder: String) throws -> String {
        let dump = Process()
        let output = Pipe()
        dump.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        dump.arguments = ["pg_dump", "-d", social.databaseURL]
        dump.standardOutput = output
        try dump.run()
        var text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        dump.waitUntilExit()
        try #require(dump.terminationStatus == 0 && text.contains("CREATE TABLE public.posts"))
        let keys = try social.server.command("KEYS", "*").split(separator: "\r\n").filter { $0.first != "$" }
        for key in keys.dropFirst().map(String.init) {
            let read =
                switch try social.server.command("TYPE", key).dropFirst().prefix(while: { $0 != "\r" }) {
                case "string": ["GET", key]
                case "hash": ["HGETALL", key]
                case "set": ["SMEMBERS", key]
                case "zset": ["ZRANGE", key, "0", "-1"]
                case "list": ["LRANGE", key, "0", "-1"]
                default: ["XRANGE", key, "-", "+"]
                }
            text += "\n\(key)\n" + (try social.server.command(read))
        }
        for file in FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? [] {
            text += "\nfile \(file)\n"
            let content = FileManager.default.contents(atPath: "\(folder)/\(file)") ?? Data()
            text += String(decoding: content, as: UTF8.self)
        }
        return text
    }

    private static func lines(_ text: String, with part: String) -> [Substring] {
        text.split(separator: "\n").filter { $0.contains(part) }.prefix(5).map { $0.prefix(200) }
    }

    @Test(arguments: [10_000]) func nothingIsLeft(posts: Int) async throws {
        try await withTemporaryFolder { folder in
            try await withSocial(environment: ["MEDIA_FOLDER": folder]) { social in
                try await withOthers(social) { comments, likes in
                    try await check(social, folder, posts: posts, comments, likes)
                }
            }
        }
    }

    private func check(
        _ social: TestSocial, _ folder: String, posts: Int, _ comments: any TestClientProtocol,
        _ likes: any TestClientProtocol
    ) async throws {
        let (user, marker) = (Self.user, Self.marker)
        let registered = try await social.send(
            .post, "/api/users/register",
            #"{"username":"\#(user)","email":"\#(marker)@example.org","password":"correct horse"}"#)
        let anna = try #require(registered.member("access_token"))
        let bert = try await social.token("bert")
        let carl = try await social.token("carl")
        // What she leaves everywhere: posts with a picture, comments, likes, follows, blocks, notifications.
        _ = try await social.send(
            .patch, "/api/users/me", #"{"display_name":"\#(marker)","bio":"\#(marker) bio"}"#, token: anna)
        let post = try await social.post("\(marker) first", token: anna)
        let file = "\(folder)/ab/\(marker)"
        try FileManager.default.createDirectory(atPath: "\(folder)/ab", withIntermediateDirectories: true)
        for side in ImageConverter.sides {
            try Data(marker.utf8).write(to: URL(fileURLWithPath: "\(file)-\(side).webp"))
        }
        _ = try await social.sql(
            """
            INSERT INTO media (media_id, owner_id, source_digest, name, width, height, uses)
            VALUES ('m1', '\(user)', 'd', 'ab/\(marker)', 1, 1, 1);
            INSERT INTO post_media VALUES ('\(post)', 1, 'm1');
            UPDATE posts SET media_count = 1 WHERE post_id = '\(post)';
            INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
            SELECT 'many' || n, '\(user)', '\(marker) ' || n, 'public', true, 0 FROM generate_series(1, \(posts)) AS n;
            INSERT INTO photos (photo_id, owner_id)
            SELECT 'many' || n, '\(user)' FROM generate_series(1, \(posts)) AS n;
            """)
        let berts = try await social.post("not hers", token: bert)
        for number in 0..<20 {
            _ = try await send(
                comments, .post, "/comment", #"{"videoid":"v\#(number % 2)","comment":"\#(marker) says"}"#, anna)
        }
        let others = try await send(comments, .post, "/comment", #"{"videoid":"v0","comment":"stays"}"#, bert)
        #expect(others.contains("stays"))
        _ = try await send(likes, .post, "/v1/likes", #"{"post_id":"\#(berts)"}"#, anna)
        _ = try await send(likes, .post, "/v1/likes", #"{"post_id":"\#(berts)"}"#, carl)
        _ = try await send(likes, .post, "/v1/likes", #"{"post_id":"\#(post)"}"#, bert)
        _ = try await send(
            likes, .post, "/v1/photos", #"{"post_id":"of:\#(user)","owner_id":"\#(user)"}"#, anna)
        _ = try await send(likes, .post, "/v1/likes", #"{"post_id":"of:\#(user)"}"#, bert)
        for uri in ["/api/users/bert/follow", "/api/users/carl/block"] {
            #expect(try await social.send(.put, uri, token: anna).status == 200)
        }
        #expect(try await social.send(.put, "/api/users/\(user)/follow", token: bert).status == 200)
        try #require(
            await eventually(within: 30) {
                let likers = try await social.sql("SELECT count(*) FROM notification_likers")
                let told = try await social.sql("SELECT count(*) FROM notifications WHERE kind = 'follow'")
                return likers == "4" && told == "2"
            })
        // She takes all of it along.
        let export = try await social.send(.get, "/api/users/me/export", token: anna)
        #expect(export.status == 200 && export.headers[.contentType] == "application/x-ndjson")
        let lines = export.body.split(separator: "\n")
        var kinds: [String: Int] = [:]
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            kinds[try #require(object?["type"] as? String), default: 0] += 1
        }
        #expect(
            kinds == [
                "profile": 1, "post": posts + 1, "media": 1, "comment": 20, "like": 1, "follows": 1, "follower": 1,
                "block": 1, "notification": 3, "session": 1, "end": 1,
            ])
        #expect(lines.last == #"{"type":"end","lines":\#(lines.count - 1)}"#)
        #expect(try await social.send(.get, "/api/users/me/export").status == 401)
        let before = try Self.everything(social, folder)
        #expect(before.contains("file ab/\(marker)") && before.contains("history:{video:v0}"))
        // Nobody else ends her account.
        let uri = "/api/users/me"
        #expect(try await social.send(.delete, uri, #"{"password":"wrong"}"#, token: anna).code == "wrong_password")
        _ = try await social.sql("UPDATE sessions SET created_at = created_at - interval '301 seconds'")
        #expect(try await social.send(.delete, uri, token: anna).code == "invalid_user")
        #expect(try await social.send(.delete, uri).status == 401)
        let begun = try await social.send(.delete, uri, #"{"password":"correct horse"}"#, token: anna)
        #expect(begun.status == 202 && begun.body.contains(#""erasing":true"#), "\(begun.body)")
        // From now on nobody sees her, and the name stays taken until all is gone.
        #expect(try await social.send(.get, "/api/users/\(user)").status == 404)
        #expect(try await social.send(.get, "/api/posts/\(post)").status == 404)
        #expect(try await social.page("/api/posts").contents == ["not hers"])
        #expect(try await social.login(user).status == 401)
        #expect(try await social.register(user).code == "username_taken")
        #expect(await eventually { try await social.send(.get, uri, token: anna).status == 401 })
        let eraser = Eraser(
            erasure: ErasureStore(pool: social.database.pool), likes: LikeErasure(pool: social.database.pool),
            media: MediaStore(pool: social.database.pool, files: FolderMediaFiles(folder: folder)), redis: social.redis,
            tokenLife: .zero)
        #expect(
            await eventually(within: 120) {
                try await eraser.pass()
                return try await social.sql("SELECT count(*) FROM users WHERE user_id = '\(user)'") == "0"
            })
        let after = try Self.everything(social, folder)
        #expect(!after.contains(marker), "\(Self.lines(after, with: marker))")
        // What others did is as it was, and counts are exact.
        #expect(after.contains("stays") && after.contains("not hers"))
        #expect(try await social.sql("SELECT like_count FROM photos WHERE photo_id = '\(berts)'") == "1")
        let count = try await likes.execute(uri: "/v1/likes/\(berts)", method: .get) { $0 }
        #expect(String(buffer: count.body).contains(#""count":1"#), "\(String(buffer: count.body))")
        #expect(try await social.sql("SELECT likers, newest_user_id FROM notifications") == "1|carl")
        // Who watches was told of every comment.
        for video in ["v0", "v1"] {
            let history = try social.server.command("XRANGE", "history:{video:\(video)}", "-", "+")
            #expect(history.split(separator: "event: removal").count == 11)
        }
        // The name is free.
        #expect(try await social.register(user).status == 201)
    }

    @Test func aFreshLogInStandsForThePassword() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            #expect(try await social.send(.delete, "/api/users/me", token: anna).status == 202)
            #expect(try await social.sql("SELECT email || password FROM users") == "erased")
            // While a token may be valid the account stays, hidden.
            let eraser = Eraser(
                erasure: ErasureStore(pool: social.database.pool), likes: LikeErasure(pool: social.database.pool),
                media: nil, redis: social.redis, tokenLife: .seconds(600))
            try await eraser.pass()
            #expect(try await social.sql("SELECT count(*) FROM users") == "1")
        }
    }

    /// Files are removed after the end of their rows is certain, also when a process died between the two.
    @Test func whatACrashLeavesIsFound() async throws {
        try await withTemporaryFolder { folder in
            try await withSocial(environment: ["MEDIA_FOLDER": folder]) { social in
                _ = try await social.token("anna")
                let pool = social.database.pool
                let good = MediaStore(pool: pool, files: FolderMediaFiles(folder: folder))
                let path = "\(folder)/source"
                try Data("x".utf8).write(to: URL(fileURLWithPath: path))
                func upload() async throws {
                    let picture = Picture(id: "m1", name: "ab/c", width: 1, height: 1)
                    #expect(
                        try await good.add(picture, owner: "anna", digest: "d", paths: [path, path]) == .added(picture))
                }
                try await upload()
                _ = try await social.sql("UPDATE media SET changed_at = now() - interval '2 days'")
                let broken = MediaStore(pool: pool, files: BrokenFiles())
                await #expect(throws: StorageError.self) { try await broken.purge(olderThan: .seconds(86_400)) }
                // The row is gone, the files are not, and are known.
                #expect(try await social.sql("SELECT count(*) FROM media") == "0")
                #expect(FileManager.default.fileExists(atPath: "\(folder)/ab/c-400.webp"))
                // Whoever uploads the same meanwhile keeps it.
                try await upload()
                #expect(try await good.purge(olderThan: .seconds(86_400)) == 0)
                #expect(FileManager.default.fileExists(atPath: "\(folder)/ab/c-400.webp"))
                _ = try await social.sql(
                    "DELETE FROM media; INSERT INTO media_removed VALUES ('ab/c'), ('ab/never')")
                #expect(try await good.purge(olderThan: .seconds(86_400)) == 0)
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/ab/c-400.webp"))
                #expect(try await social.sql("SELECT count(*) FROM media_removed") == "0")
            }
        }
    }

    private struct BrokenFiles: MediaFiles {
        struct Failed: Error {}
        func put(_ path: String, as name: String) throws { throw Failed() }
        func remove(_ name: String) throws { throw Failed() }
    }
}
