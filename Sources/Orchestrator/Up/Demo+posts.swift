import Foundation
import NIOHTTP1

/// What people do with posts: they follow each other, post, and comment on and like what their feeds show.
extension Demo {
    private static let thoughts = [
        "The harbour before anybody is up", "Third try, and it holds", "A walk that was to be short",
        "Found this on the way home", "Somebody left the lights on", "Rain again, and I do not mind",
        "The kitchen smells of oranges", "Who comes along on Sunday?", "Nothing beats the first boat",
    ]
    private static let answers = [
        "Wonderful", "Where is that?", "I was there last year", "Take me along", "The light!", "More of this",
    ]
    /// A post of each person's in so many turns.
    private static let turnsPerPost = 9

    /// Everybody follows everybody but the one who comes next, so that feeds differ.
    func meet(_ person: Int, of names: [String], token: String) async {
        for (other, name) in names.enumerated() where other != person && other != (person + 1) % names.count {
            _ = await send(.PUT, "/api/users/\(name)/follow", token: token)
        }
    }

    /// One turn of a person's.
    func takePart(turn: Int, token: String) async {
        if turn % Self.turnsPerPost == 0 { await write(token) } else { await answer(token) }
    }

    private struct Uploaded: Decodable {
        var id: String
        enum CodingKeys: String, CodingKey { case id = "media_id" }
    }

    /// With a picture, where pictures are taken.
    private func write(_ token: String) async {
        let picture = DemoPicture(seed: .random(in: .min ... .max)).png
        let answer = await send(.POST, "/api/media", picture, type: "image/png", token: token)
        let media = answer.flatMap { try? JSONDecoder().decode(Uploaded.self, from: $0.body).id }
        let post = NewPost(content: Self.thoughts.randomElement() ?? "", pictures: media.map { [$0] } ?? [])
        _ = await send(.POST, "/api/posts", try? JSONEncoder().encode(post), token: token)
    }

    private struct NewPost: Encodable {
        var content: String
        var pictures: [String]
        enum CodingKeys: String, CodingKey {
            case content
            case pictures = "media_ids"
        }
    }

    private struct Feed: Decodable {
        struct Post: Decodable {
            var id: String
            var author: String
            enum CodingKeys: String, CodingKey {
                case id
                case author = "user_id"
            }
        }
        var posts: [Post]
    }

    /// Comments on something that the person's feed shows, or likes it.
    private func answer(_ token: String) async {
        let page = await send(.GET, "/api/feed?limit=10", token: token)
        let posts = page.flatMap { try? JSONDecoder().decode(Feed.self, from: $0.body).posts } ?? []
        guard let post = posts.randomElement() else { return }
        if UInt8.random(in: 0..<3) == 0 {
            let mention = UInt8.random(in: 0..<4) == 0 ? "@\(post.author) " : ""
            let text = mention + (Self.answers.randomElement() ?? "")
            _ = await send("/api/posts/\(post.id)/comments", ["content": text], token: token)
        } else {
            _ = await send("/like", ["photoid": post.id], token: token)
        }
    }
}
