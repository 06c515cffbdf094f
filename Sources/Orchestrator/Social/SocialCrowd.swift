import Audience
import Foundation
import Identity
import NIOHTTP1
import Placement
import Primitives
import Testbed

/// The services of the preset `social`, as people reach them.
struct SocialServices: Sendable {
    let social: ServiceClient
    let comments: ServiceClient
    let likes: ServiceClient
    let signer: TokenSigner
}

/// People who register, post, follow, like, comment and read feeds, at random times whatever became of what they did
/// before (an open loop); what was acknowledged is kept.
final class SocialCrowd: Sendable {
    /// Of one kind of action.
    struct Tally: Sendable {
        var done = 0
        var failed = 0
        /// Since it was due.
        var latency = LatencyHistogram()
    }

    struct State: Sendable {
        var ledger: SocialLedger
        var tallies: [SocialAction: Tally] = [:]
        var offered = 0
        var dropped = 0
        var underWay = 0
        /// The first ones that were not answered as they must be.
        var complaints: [String] = []

        var done: Int { tallies.values.reduce(0) { $0 + $1.done } }
        var failed: Int { tallies.values.reduce(0) { $0 + $1.failed } }
    }

    private static let complaintsMax = 5
    /// Of tokens: longer than any run that is made with this preset.
    private static let tokenSeconds = 86_400

    private let services: SocialServices
    private let state: Mutex<State>
    private let tokens = Mutex<[String: String]>([:])

    init(_ services: SocialServices, people: Int) {
        self.services = services
        state = Mutex(State(ledger: SocialLedger(people: (1...people).map { "person\($0)" })))
    }

    var now: State { state.withLock { $0 } }

    /// Works for `seconds`, at `rate` actions a second; returns when all that began is done.
    func work(rate: Double, seconds: Double, seed: UInt64) async throws {
        var arrivals = Arrivals(.poisson, rate: rate, seed: seed, purpose: "social")
        var random = Xoshiro256(seed: seed, purpose: "social actions")
        let start = ContinuousClock.now
        try await withThrowingDiscardingTaskGroup { group in
            while let nanoseconds = arrivals.next(), Double(nanoseconds) < seconds * 1e9 {
                let due = start + .nanoseconds(Int64(nanoseconds))
                try await Task.sleep(until: due, clock: .continuous)
                let (action, draws) = (SocialAction.drawn(&random), random.next())
                let begins = state.withLock { state in
                    state.offered += 1
                    guard state.underWay < SocialPlan.underWayMax else {
                        state.dropped += 1
                        return false
                    }
                    state.underWay += 1
                    return true
                }
                guard begins else { continue }
                group.addTask { [self] in await self.act(action, Xoshiro256(seed: draws), due: due) }
            }
        }
    }

    private func act(_ wanted: SocialAction, _ draws: Xoshiro256, due: ContinuousClock.Instant) async {
        var random = draws
        let (person, other, post) = state.withLock { state in
            let people = state.ledger.people
            // Who reads is any of them; who writes is more often one of the first.
            let reads = wanted == .feed || wanted == .like
            let number = reads ? random.below(people.count) : SocialPlan.drawn(of: people.count, &random)
            return (people[number], people[SocialPlan.drawn(of: people.count, &random)], state.ledger.post(&random))
        }
        // There is nothing to like before somebody has posted.
        let action = (wanted == .like || wanted == .comment) && post == nil ? .post : wanted
        var problem: String?
        do {
            let token = action == .register ? "" : try await token(of: person)
            problem = try await perform(action, person, other, post ?? "", token, &random)
        } catch {
            problem = "\(error)"
        }
        let microseconds = Int64((ContinuousClock.now - due).seconds * 1e6)
        state.withLock { [problem] state in
            state.underWay -= 1
            if let problem {
                state.tallies[action, default: Tally()].failed += 1
                if state.complaints.count < Self.complaintsMax {
                    state.complaints.append("\(action.rawValue): \(problem.prefix(120))")
                }
            } else {
                state.tallies[action, default: Tally()].done += 1
                state.tallies[action, default: Tally()].latency.record(microseconds: microseconds)
            }
        }
    }

    /// Who was made in the database, and never logged in, gets a token from the key of the services.
    func token(of person: String) async throws -> String {
        if let known = tokens.withLock({ $0[person] }) { return known }
        let made = try await services.signer.sign(
            Subject(id: person), rules: TokenRules(), now: Int(Date().timeIntervalSince1970),
            lifetime: Self.tokenSeconds)
        tokens.withLock { $0[person] = made }
        return made
    }

    private struct Registered: Decodable {
        var token: String
        enum CodingKeys: String, CodingKey { case token = "access_token" }
    }
    private struct Made: Decodable { var id: String }
    private struct Posted: Decodable { var post: Made }
    private struct Commented: Decodable { var comment: Made }

    /// What is wrong with the answer; `nil` when it is good, and then the ledger has it.
    private func perform(
        _ action: SocialAction, _ person: String, _ other: String, _ post: String, _ token: String,
        _ random: inout Xoshiro256
    ) async throws -> String? {
        func problem(_ answer: (status: UInt, body: Data)) -> String {
            "\(answer.status) \(String(decoding: answer.body.prefix(200), as: UTF8.self))"
        }
        switch action {
        case .feed:
            let answer = try await services.social.send(.GET, "/api/feed?limit=20", token: token)
            return answer.status == 200 ? nil : problem(answer)
        case .like:
            let answer = try await services.likes.send(.POST, "/v1/likes", try json(["post_id": post]), token: token)
            guard answer.status == 200 else { return problem(answer) }
            state.withLock { $0.ledger.liked(post, by: person) }
        case .comment:
            let body = try json(["content": "comment \(random.next())"])
            let answer = try await services.comments.send(.POST, "/api/posts/\(post)/comments", body, token: token)
            // 202: stored, and published later.
            guard answer.status == 201 || answer.status == 202 else { return problem(answer) }
            let id = try JSONDecoder().decode(Commented.self, from: answer.body).comment.id
            state.withLock { $0.ledger.commented(id, on: post, by: person) }
        case .follow:
            guard other != person else { return nil }
            let answer = try await services.social.send(.PUT, "/api/users/\(other)/follow", token: token)
            guard answer.status == 200 else { return problem(answer) }
            state.withLock { $0.ledger.followed(other, by: person) }
        case .post:
            let body = try json(["content": "post \(random.next())"])
            let answer = try await services.social.send(.POST, "/api/posts", body, token: token)
            guard answer.status == 201 else { return problem(answer) }
            let id = try JSONDecoder().decode(Posted.self, from: answer.body).post.id
            state.withLock { $0.ledger.posted(id, by: person) }
        case .register:
            let name = "guest" + String(random.next() >> 12, radix: 36)
            let body = try json(["username": name, "email": "\(name)@example.org", "password": "correct horse"])
            let answer = try await services.social.send(.POST, "/api/users/register", body)
            guard answer.status == 201 else { return problem(answer) }
            let token = try JSONDecoder().decode(Registered.self, from: answer.body).token
            tokens.withLock { $0[name] = token }
            state.withLock { $0.ledger.joined(name) }
        }
        return nil
    }

    private func json(_ fields: [String: String]) throws -> Data { try JSONEncoder().encode(fields) }
}
