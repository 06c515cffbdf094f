import Foundation
import NIOHTTP1
import Testbed
import Wire

/// A small world of traffic: people with accounts, who watch three videos, write there and like five photos, follow
/// each other, post pictures, and comment on and like posts. Everything goes through the gateway, as from a browser,
/// with the token that each of them gets for a password.
struct Demo: Sendable {
    private struct Person: Sendable {
        let name: String
        let video: String
        /// Seconds between two comments.
        let interval: Int
    }

    private static let people = [
        Person(name: "anna", video: "harbour", interval: 3), Person(name: "ben", video: "harbour", interval: 4),
        Person(name: "chloe", video: "harbour", interval: 5), Person(name: "dev", video: "aurora", interval: 6),
        Person(name: "emil", video: "aurora", interval: 7), Person(name: "fatou", video: "kitchen", interval: 8),
    ]
    private static let lines = [
        "Good evening from the back row", "That light!", "Again, please", "Who is that on the left?", "Louder",
        "I could listen to this all night", "Here it comes", "The boats are in", "Same time tomorrow?", "Encore",
    ]
    /// The app shows a video's photos under these names.
    private static let photos = (1...5).map { "harbour.\($0)" }
    /// Well before a token ends, which is after 15 minutes.
    private static let tokenAge: Duration = .seconds(600)

    private let testbed: Testbed
    private let gateway: Node
    private let client: ServiceClient
    private let password: String

    init(_ testbed: Testbed) throws {
        self.testbed = testbed
        gateway = try testbed.node("gateway")
        client = ServiceClient(gateway)
        password = try Self.password(in: testbed.folders.secrets("demo"))
    }

    /// Those who watch are there when it returns.
    func start(_ progress: Progress) async throws {
        for person in Self.people {
            // However one of them ends, the product goes on.
            var specification = ChildSpecification(
                name: "demo-\(person.name)", executable: try testbed.binaries.own("SimClient"),
                arguments: [
                    "watch", "--user", person.name, "--video", person.video, "--readers", gateway.url, "--comment-api",
                    gateway.url, "--interval", "0",
                ],
                log: testbed.folders.log("demo-\(person.name)"), life: .ends(codes: Set(0...255)), phase: .clients)
            specification.grace = .seconds(3)
            try await testbed.add(.client, specification)
        }
        let names = Self.people.map(\.name).joined(separator: ", ")
        progress.step("demo           \(names) write; their password is in \(testbed.folders.data)/demo/password")
    }

    /// Writes and likes until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for person in Self.people { group.addTask { await live(person) } }
        }
    }

    private func live(_ person: Person) async {
        var token: String?
        var signedIn = ContinuousClock.now
        let names = Self.people.map(\.name)
        var turn = 0
        while (try? await Task.sleep(for: .seconds(person.interval))) != nil {
            if token == nil || ContinuousClock.now - signedIn > Self.tokenAge {
                token = await signIn(person.name)
                signedIn = .now
                if let token, turn == 0 { await meet(names.firstIndex(of: person.name) ?? 0, of: names, token: token) }
            }
            guard let known = token else { continue }
            await takePart(turn: turn, token: known)
            turn += 1
            let comment = ["videoid": person.video, "comment": Self.lines.randomElement() ?? ""]
            let photo = ["photoid": Self.photos.randomElement() ?? ""]
            let isLiked = UInt8.random(in: 0..<4) > 0
            let answers = [
                await send("/comment", comment, token: known)?.status,
                await send(isLiked ? "/like" : "/unlike", photo, token: known)?.status,
            ]
            if answers.contains(401) || answers.contains(403) { token = nil }
        }
    }

    /// The token of a log-in, or of a new account.
    private func signIn(_ name: String) async -> String? {
        let login = await send("/api/users/login", ["username": name, "password": password])
        let answer =
            login?.status == 401
            ? await send(
                "/api/users/register", ["username": name, "email": "\(name)@example.org", "password": password])
            : login
        return answer.flatMap { try? JSONDecoder().decode(Tokens.self, from: $0.body).access }
    }

    private struct Tokens: Decodable {
        var access: String
        enum CodingKeys: String, CodingKey { case access = "access_token" }
    }

    /// Posts fields as JSON; `nil` without an answer.
    func send(_ path: String, _ fields: [String: String], token: String? = nil) async -> (status: UInt, body: Data)? {
        await send(.POST, path, try? JSONEncoder().encode(fields), token: token)
    }

    /// `nil` without an answer.
    func send(
        _ method: HTTPMethod, _ path: String, _ body: Data? = nil, type: String = "application/json",
        token: String? = nil
    ) async -> (status: UInt, body: Data)? {
        try? await client.send(method, path, body, type: type, token: token)
    }

    /// Of all of them, kept as long as their accounts.
    private static func password(in folder: String) throws -> String {
        let path = "\(folder)/password"
        if let kept = try? String(contentsOfFile: path, encoding: .utf8), kept.utf8.count >= 8 { return kept }
        let made = Product.secret()
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(made.utf8), attributes: [.posixPermissions: 0o600])
        else { throw Failure.unavailable("cannot write \(path)") }
        return made
    }
}
