import Foundation
import HTTPTypes
import HummingbirdTesting
import Media
import NIOCore
import ServiceRuntime
import ServiceStorage
import TestSupport
import Testing

@testable import SocialAPI

@Suite(.serialized) struct MediaTests {
    private struct Taken: Decodable {
        var id: String
        var width: Int
        var height: Int
        var urls: [String: String]

        private enum CodingKeys: String, CodingKey {
            case id = "media_id"
            case width, height, urls
        }
    }

    /// A picture of `vips`.
    private static func picture(_ folder: String, _ width: Int, _ height: Int, _ kind: String) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["vips", "black", "\(folder)/picture.\(kind)", "\(width)", "\(height)", "--bands", "3"]
        try process.run()
        process.waitUntilExit()
        return try Data(contentsOf: URL(fileURLWithPath: "\(folder)/picture.\(kind)"))
    }

    private static func upload(
        _ data: Data, _ type: String = "image/jpeg", token: String?, to social: TestSocial
    ) async throws -> (status: Int, body: String) {
        var headers: HTTPFields = [.contentType: type]
        if let token { headers[.authorization] = "Bearer \(token)" }
        let response = try await social.client.execute(
            uri: "/api/media", method: .post, headers: headers, body: ByteBuffer(bytes: data)
        ) { $0 }
        return (response.status.code, String(buffer: response.body))
    }

    private func withMedia(_ body: @escaping @Sendable (TestSocial, _ folder: String) async throws -> Void) async throws
    {
        try await withTemporaryFolder { folder in
            let files = "\(folder)/files"
            try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
            try await withSocial(environment: ["MEDIA_FOLDER": files]) { try await body($0, folder) }
        }
    }

    private static func files(_ folder: String) -> [String] {
        (FileManager.default.enumerator(atPath: "\(folder)/files")?.allObjects as? [String] ?? [])
            .filter { $0.contains(".") }.sorted()
    }

    @Test func aPicturesLife() async throws {
        try await withMedia { social, folder in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let data = try Self.picture(folder, 1_600, 800, "jpg")
            let answer = try await Self.upload(data, token: anna, to: social)
            #expect(answer.status == 201, "\(answer.body)")
            let taken = try JSONDecoder().decode(Taken.self, from: Data(answer.body.utf8))
            #expect(taken.width == 1_280 && taken.height == 640 && taken.urls.keys.sorted() == ["1280", "400"])
            // What is served is there, and the original is not.
            #expect(Self.files(folder).count == 2)
            for (_, url) in taken.urls {
                #expect(url.hasPrefix("/media/"))
                let file = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/files/" + url.dropFirst(7)))
                guard case .header(let header) = ImageHeader.parse(Array(file.prefix(64))) else {
                    Issue.record("no picture at \(url)")
                    continue
                }
                #expect(header.format == .webp)
            }
            // The same again is the same; another owner has files of the own.
            #expect(try await Self.upload(data, token: anna, to: social).body == answer.body)
            #expect(try await Self.upload(data, token: bert, to: social).body != answer.body)
            #expect(Self.files(folder).count == 4)
            // A post shows it; nobody else's may.
            let members = #","media_ids":["\#(taken.id)"]"#
            let stolen = try await social.send(.post, "/api/posts", #"{"content":"x"\#(members)}"#, token: bert)
            #expect(stolen.code == "media_not_found")
            let first = try await social.post("", members, token: anna)
            let second = try await social.post("again", members, token: anna)
            _ = try await social.post("without", token: anna)
            #expect(try await social.page("/api/posts?has=photo").contents == ["again", ""])
            let read = try await social.send(.get, "/api/posts/\(first)")
            #expect(read.body.contains(try #require(taken.urls["400"])) && read.body.contains(#""width":1280"#))
            // What no post shows goes after a day, with its files.
            let store = MediaStore(
                pool: social.database.pool, files: FolderMediaFiles(folder: "\(folder)/files"))
            func age() async throws {
                _ = try await social.sql("UPDATE media SET changed_at = now() - interval '25 hours'")
            }
            #expect(try await store.purge(olderThan: .seconds(86_400)) == 0)
            try await age()
            #expect(try await store.purge(olderThan: .seconds(86_400)) == 1)
            #expect(Self.files(folder).count == 2)
            _ = try await social.send(.delete, "/api/posts/\(first)", token: anna)
            try await age()
            #expect(try await store.purge(olderThan: .seconds(86_400)) == 0)
            _ = try await social.send(.delete, "/api/posts/\(second)", token: anna)
            // It has a day again from then on.
            #expect(try await store.purge(olderThan: .seconds(86_400)) == 0)
            try await age()
            #expect(try await store.purge(olderThan: .seconds(86_400)) == 1)
            #expect(Self.files(folder).isEmpty)
            #expect(try await social.sql("SELECT count(*) FROM media") == "0")
        }
    }

    @Test func aFolderThatTakesNothing() async throws {
        try await withMedia { social, folder in
            let anna = try await social.token("anna")
            let good = try Self.picture(folder, 30, 20, "png")
            try FileManager.default.removeItem(atPath: "\(folder)/files")
            try Data().write(to: URL(fileURLWithPath: "\(folder)/files"))
            let answer = try await Self.upload(good, token: anna, to: social)
            #expect(answer.status == 503 && answer.body.contains("storage_failed"), "\(answer.body)")
            #expect(try await social.sql("SELECT count(*) FROM media") == "0")
            try FileManager.default.removeItem(atPath: "\(folder)/files")
            #expect(try await Self.upload(good, token: anna, to: social).status == 201)
            // A service that starts with such a folder says so.
            await #expect(throws: ConfigurationError.self) {
                try await withSocial(environment: ["MEDIA_FOLDER": "\(folder)/picture.png/files"]) { _ in }
            }
        }
    }

    @Test func whatIsRefused() async throws {
        try await withMedia { social, folder in
            let anna = try await social.token("anna")
            func code(_ data: Data, _ type: String = "image/jpeg", token: String?) async throws -> String {
                let answer = try await Self.upload(data, type, token: token, to: social)
                return "\(answer.status) " + (answer.body.split(separator: "\"").dropLast().last.map(String.init) ?? "")
            }
            let good = try Self.picture(folder, 30, 20, "png")
            #expect(try await code(good, token: nil) == "401 authentication_required")
            #expect(try await code(good, "text/html", token: anna) == "415 unsupported_media_type")
            #expect(try await code(good, "image/svg+xml", token: anna) == "415 unsupported_media_type")
            #expect(try await code(Data("<html>".utf8), token: anna) == "415 unsupported_image")
            #expect(try await code(Data(), token: anna) == "415 unsupported_image")
            #expect(try await code(good.prefix(20), token: anna) == "415 unsupported_image")
            #expect(try await code(good.prefix(60), token: anna) == "422 unreadable_image")
            // 64,000 × 64,000 pixels in a few bytes.
            var bomb = Array(good)
            bomb.replaceSubrange(16..<24, with: [0, 0, 0xFA, 0, 0, 0, 0xFA, 0])
            let start = ContinuousClock.now
            #expect(try await code(Data(bomb), token: anna) == "422 too_many_pixels")
            #expect(ContinuousClock.now - start < .milliseconds(200))
            let large = Data(good) + Data(repeating: 0, count: 10 << 20)
            #expect(try await code(large, token: anna) == "413 body_too_large")
            let padded = good + Data(repeating: 0, count: (10 << 20) - good.count)
            #expect(try await code(padded, token: anna).hasPrefix("201"))
            // Nothing is left of what was refused.
            #expect(Self.files(folder).count == 2)
            let left = try FileManager.default.contentsOfDirectory(atPath: FileManager.default.temporaryDirectory.path)
            #expect(!left.contains { $0.hasPrefix("chorus-upload-") })
            _ = try await social.sql(
                """
                INSERT INTO media (media_id, owner_id, source_digest, name, width, height)
                SELECT n, 'anna', n, n, 1, 1 FROM generate_series(1, 99) AS n
                """)
            #expect(try await code(try Self.picture(folder, 9, 9, "png"), token: anna) == "409 too_many_uploads")
        }
    }

    @Test func withoutAFolder() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            #expect(try await Self.upload(Data([0xFF]), token: anna, to: social).status == 501)
        }
    }
}
