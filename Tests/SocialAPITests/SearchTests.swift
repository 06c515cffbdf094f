import Foundation
import HTTPTypes
import ServiceStorage
import Social
import Storage
import TestSupport
import Testbed
import Testing

@testable import SocialAPI

@Suite struct HighlightsTests {
    private func found(_ query: String, in text: String) -> [String] {
        let units = Array(text.utf16)
        return Highlights.ranges(of: Highlights.words(of: query), in: text).map {
            String(decoding: units[$0.start..<$0.start + $0.length], as: UTF16.self)
        }
    }

    @Test func wordsOfAQuery() {
        #expect(
            Highlights.words(of: #"Red -green "two Words" or blue-ish -"not this" x"#) == [
                "red", "two", "words", "blue", "ish", "x",
            ])
        #expect(Highlights.words(of: #""or""#) == ["or"] && Highlights.words(of: "- \" '").isEmpty)
    }

    @Test func rangesCountAsBrowsersDo() {
        #expect(
            Highlights.ranges(of: ["cat"], in: "😀 Cat, catalogue; CAT") == [
                .init(start: 3, length: 3), .init(start: 19, length: 3),
            ])
        #expect(found("ÄRGER naïve", in: "Viel Ärger, nai\u{308}ve, naïve") == ["Ärger", "naïve", "naïve"])
        #expect(found("onerror", in: "<img onerror=alert(1)>") == ["onerror"])
        #expect(Highlights.ranges(of: ["a"], in: String(repeating: "a ", count: 500)).count == Highlights.countMax)
    }
}

@Suite(.serialized) struct SearchTests {
    private struct Body: Decodable {
        struct Post: Decodable { var id: String, content: String }
        struct Comment: Decodable { var id: String, comment: String }
        struct User: Decodable { var id: String }
        struct Range: Decodable { var start: Int, length: Int }
        struct Hit: Decodable {
            var type: String
            var post: Post?
            var comment: Comment?
            var user: User?
            var highlights: [Range]
            var text: String { post?.content ?? comment?.comment ?? user?.id ?? "" }
        }
        struct Author: Decodable {
            var user: String
            var count: Int

            private enum CodingKeys: String, CodingKey {
                case user = "user_id"
                case count
            }
        }
        struct Facets: Decodable { var author: [Author], photo: Int }
        struct Total: Decodable { var value: Int, relation: String }
        var hits: [Hit]
        var facets: Facets
        var total: Total
        var next: String?
    }

    private func search(_ social: TestSocial, _ query: String, token: String? = nil) async throws -> Body {
        let answer = try await social.send(.get, "/api/search?\(query)", token: token)
        try #require(answer.status == 200, "\(query): \(answer.body)")
        return try JSONDecoder().decode(Body.self, from: Data(answer.body.utf8))
    }

    private func texts(_ social: TestSocial, _ query: String, token: String? = nil) async throws -> [String] {
        try await search(social, query, token: token).hits.map(\.text)
    }

    @Test func posts() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let carl = try await social.token("carl")
            _ = try await social.post("A lake in the morning", token: anna)
            let best = try await social.post("lake, lake and lake", token: bert)
            _ = try await social.post("<img onerror=alert(1)> by the Lake", token: anna)
            _ = try await social.post("a secret lake", #","visibility":"followers""#, token: anna)
            let gone = try await social.post("a lake that is gone", token: anna)
            _ = try await social.send(.delete, "/api/posts/\(gone)", token: anna)
            // The best first, of equal ones the newest; nothing of it is HTML.
            let page = try await search(social, "q=lake")
            #expect(page.hits.first?.post?.id == best && page.hits.count == 3)
            #expect(page.total.value == 3 && page.total.relation == "eq" && page.next == nil)
            #expect(page.facets.author.map { "\($0.user) \($0.count)" } == ["anna 2", "bert 1"])
            let image = try #require(page.hits.first { $0.text.contains("onerror") })
            #expect(image.text == "<img onerror=alert(1)> by the Lake")
            #expect(image.highlights.map { "\($0.start) \($0.length)" } == ["30 4"])
            // As websearch_to_tsquery reads it.
            #expect(try await texts(social, "q=lake%20-morning%20-lake%2C").count == 0)
            #expect(try await texts(social, "q=lake%20-morning").count == 2)
            #expect(try await texts(social, "q=%22the%20morning%22") == ["A lake in the morning"])
            #expect(try await texts(social, "q=morning%20or%20onerror").count >= 1)
            #expect(try await texts(social, "q=nothing").isEmpty)
            // Who may see it.
            #expect(try await search(social, "q=lake", token: anna).total.value == 4)
            #expect(try await social.send(.put, "/api/users/anna/follow", token: carl).status == 200)
            #expect(try await texts(social, "q=secret", token: carl) == ["a secret lake"])
            #expect(try await social.send(.put, "/api/users/carl/block", token: anna).status == 200)
            #expect(try await texts(social, "q=lake", token: carl) == ["lake, lake and lake"])
            _ = try await social.sql("UPDATE users SET suspended_until = now() + '1 hour' WHERE user_id = 'bert'")
            #expect(try await search(social, "q=lake").total.value == 2)
            // What it is narrowed by.
            #expect(try await texts(social, "q=lake&author=bert").isEmpty)
            #expect(try await texts(social, "q=lake&author=anna").count == 2)
            _ = try await social.sql(
                "UPDATE posts SET created_at = '2025-03-01T12:00:00Z', media_count = 1 WHERE content LIKE 'A lake%'")
            #expect(try await texts(social, "q=lake&from=2025-03-01&to=2025-03-02") == ["A lake in the morning"])
            #expect(try await texts(social, "q=lake&to=2025-03-01T12:00:00.000Z").isEmpty)
            #expect(try await texts(social, "q=lake&has=photo") == ["A lake in the morning"])
            #expect(try await search(social, "q=lake").facets.photo == 1)
        }
    }

    @Test func theNewestThousandArePaged() async throws {
        try await withSocial { social in
            _ = try await social.token("anna")
            func write(_ count: Int) async throws {
                _ = try await social.sql(
                    """
                    INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count)
                    SELECT 'p' || gen_random_uuid(), 'anna', 'word ' || n, 'public', true, 0
                    FROM generate_series(1, \(count)) AS n
                    """)
            }
            try await write(1_001)
            let first = try await search(social, "q=word&limit=200")
            #expect(first.total.value == 1_000 && first.total.relation == "gte")
            #expect(first.hits.first?.text == "word 1001" && first.facets.author.map(\.count) == [1_000])
            // What comes meanwhile moves nothing.
            try await write(3)
            var seen = first.hits.map(\.text)
            var next = first.next
            while let cursor = next {
                let page = try await search(social, "q=word&limit=200&after=\(cursor)")
                seen += page.hits.map(\.text)
                next = page.next
            }
            #expect(seen == (2...1_001).reversed().map { "word \($0)" })
            // A cursor is of one search.
            let cursor = try #require(first.next)
            for bad in [
                "q=word&author=anna&after=\(cursor)", "q=words&after=\(cursor)", "q=word&type=user&after=\(cursor)",
                "q=word&after=all.7", "q=word&after=x.1.1", "q=word&after=\(cursor.split(separator: ".")[0]).1000.5",
                "q=word&after=\(cursor.split(separator: ".")[0]).-1.5",
            ] {
                let answer = try await social.send(.get, "/api/search?\(bad)")
                #expect(answer.code == "invalid_cursor", "\(bad) \(answer.body)")
            }
        }
    }

    @Test func commentsAndUsers() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna")
            let bert = try await social.token("bert")
            let open = try await social.post("x", token: anna)
            let hidden = try await social.post("x", #","visibility":"followers""#, token: anna)
            _ = try await social.sql(
                """
                INSERT INTO comments (id, video_id, user_id, comment, created_at, channel, removed_at) VALUES
                ('c1', '\(open)', 'bert', 'what a lake', now(), 'post:\(open)', NULL),
                ('c2', '\(hidden)', 'anna', 'a hidden lake', now(), 'post:\(hidden)', NULL),
                ('c3', '\(open)', 'bert', 'a removed lake', now(), 'post:\(open)', now()),
                ('c4', '\(open)', 'bert', 'lake of a video', now(), 'video:\(open)', NULL)
                """)
            #expect(try await texts(social, "type=comment&q=lake") == ["what a lake"])
            #expect(try await texts(social, "type=comment&q=lake", token: anna) == ["a hidden lake", "what a lake"])
            #expect(try await search(social, "type=comment&q=lake").hits.first?.highlights.map(\.start) == [7])
            #expect(try await social.send(.put, "/api/users/anna/block", token: bert).status == 200)
            #expect(try await texts(social, "type=comment&q=lake", token: anna) == ["a hidden lake"])
            _ = try await social.send(.patch, "/api/users/me", #"{"bio":"I swim in lakes"}"#, token: bert)
            #expect(try await texts(social, "type=user&q=swim") == ["bert"])
            #expect(try await texts(social, "type=user&q=swim", token: anna).isEmpty)
        }
    }

    @Test func names() async throws {
        try await withSocial { social in
            let anna = try await social.token("anna_b")
            for name in ["annabel", "annxb", "bert", "johanna"] { _ = try await social.token(name) }
            _ = try await social.sql("UPDATE users SET display_name = 'Annegret' WHERE user_id = 'bert'")
            func found(_ query: String, token: String? = nil) async throws -> [String] {
                let answer = try await social.send(.get, "/api/users/search?q=\(query)", token: token)
                try #require(answer.status == 200, "\(answer.body)")
                struct User: Decodable { var id: String }
                struct Body: Decodable { var users: [User] }
                return try JSONDecoder().decode(Body.self, from: Data(answer.body.utf8)).users.map(\.id)
            }
            #expect(try await found("an") == ["anna_b", "annabel", "annxb", "bert"])
            // No character stands for others.
            #expect(try await found("anna_").first == "anna_b")
            for wild in ["%25", "_", "%5C", "a_"] { #expect(try await found(wild).isEmpty) }
            #expect(try await found("ANNA").prefix(2) == ["anna_b", "annabel"])
            // From three characters on also what is similar.
            #expect(try await found("johana") == ["johanna"])
            #expect(try await found("joh") == ["johanna"])
            #expect(try await found("annegrett").first == "bert")
            #expect(try await found("an&limit=1") == ["anna_b"])
            // Enough begin so.
            for name in ["leena", "lena1", "lena2", "lena3", "lena4"] { _ = try await social.token(name) }
            #expect(try await found("lena").last == "leena")
            _ = try await social.token("lena5")
            #expect(try await found("lena") == (1...5).map { "lena\($0)" })
            #expect(try await social.send(.put, "/api/users/annabel/block", token: anna).status == 200)
            #expect(try await !found("an", token: anna).contains("annabel"))
            // Nor is anybody found by what is shown as the name.
            #expect(try await social.send(.put, "/api/users/bert/block", token: anna).status == 200)
            #expect(try await !found("anneg", token: anna).contains("bert"))
            #expect(try await social.send(.get, "/api/users/search").code == "invalid_search")
        }
    }

    @Test func badInput() async throws {
        try await withSocial { social in
            let marks = String(repeating: "%CC%81", count: 2_000)
            let long = String(repeating: "a", count: 201)
            for bad in [
                "", "q=", "q=%00", "q=a%E2%80%AEb", "q=a\(marks)", "q=\(long)", "q=...", "q=a&type=video", "q=a&from=x",
                "q=a&from=2026-02-30", "q=a&has=video", "q=a&type=user&has=photo", "q=a&limit=0", "q=a&q=b",
                "q=a&author=%20",
            ] {
                let answer = try await social.send(.get, "/api/search?\(bad)")
                #expect(answer.status == 400, "\(bad.prefix(60)): \(answer.status) \(answer.body)")
            }
            for fine in ["q=-a", "q=%22", "q=a%27%3B%20DROP%20TABLE%20posts", "q=%F0%9F%98%80%20a", "q=a%20%26%20%21b"]
            {
                let status = try await social.send(.get, "/api/search?\(fine)").status
                #expect(status == 200 || fine == "q=%22" && status == 400, "\(fine): \(status)")
            }
        }
    }
}
