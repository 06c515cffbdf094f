import HTTPTypes
import Hummingbird
import Identity
import RedisNIO
import ServiceRuntime
import Wire

/// Stands for a token in the query of a connect: a browser's `EventSource` sends no header, and a token in a URL would stand
/// in logs for as long as it is valid.
struct StreamTicket: Equatable, Sendable {
    static let parameter = "ticket"
    /// Random bytes in it.
    private static let bytes = 24

    let text: String

    /// Random.
    init() {
        var generator = SystemRandomNumberGenerator()
        text = Base64URL.encode((0..<Self.bytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// `nil` when the request has none.
    init?(_ fields: RequestFields) throws(APIError) {
        guard let text = try fields.optionalString(Self.parameter) else { return nil }
        guard text.utf8.count == Self.bytes * 4 / 3, Identifier.isValid(text) else { throw .invalidTicket }
        self.text = text
    }

    var key: String { "ticket:{\(text)}" }
}

/// The tickets that are out: in Redis, so that any Reader may serve them.
struct StreamTickets: Sendable {
    /// How long a ticket serves.
    static let seconds = 30

    /// What they need of Redis (`RedisNeeds`).
    static var needs: [[String]] {
        let key = StreamTicket().key
        return [["SET", key, "token", "EX", "30"], ["GET", key], ["GETDEL", key]]
    }

    let redis: RedisClient

    func issue(for token: String) async throws(APIError) -> StreamTicket {
        let ticket = StreamTicket()
        _ = try await send(RedisCommand("SET", ticket.key, token, "EX", String(Self.seconds)))
        return ticket
    }

    /// The token that a ticket stands for; the ticket stays.
    func token(of ticket: StreamTicket) async throws(APIError) -> String {
        guard let token = try await send(RedisCommand("GET", ticket.key)).text else { throw .invalidTicket }
        return token
    }

    /// Takes a ticket: of several who try, one does.
    func redeem(_ ticket: StreamTicket) async throws(APIError) {
        guard try await send(RedisCommand("GETDEL", ticket.key)).text != nil else { throw .invalidTicket }
    }

    private func send(_ command: RedisCommand) async throws(APIError) -> RESPValue {
        do {
            let reply = try await redis.send(command)
            guard reply.failure == nil else { throw APIError.ticketsUnavailable }
            return reply
        } catch { throw .ticketsUnavailable }
    }
}

extension StreamTickets? {
    /// Without tickets none is valid.
    func orInvalid() throws(APIError) -> StreamTickets {
        guard let self else { throw .invalidTicket }
        return self
    }
}

/// `POST /api/stream-tickets`.
struct StreamTicketRoutes: Sendable {
    let tickets: StreamTickets?

    func add(to router: Router<ServiceContext>) {
        router.post("api/stream-tickets") { request, context in
            let token = try context.signedToken()
            try await context.limit(.tickets, request)
            let ticket = try await tickets.orInvalid().issue(for: token)
            var answer = JSONText(capacity: 96)
            answer.member("ticket", ticket.text)
            answer.member("expires_in", StreamTickets.seconds)
            var response = Response.json(answer.finished(), status: .created)
            response.headers[.cacheControl] = "no-store"
            return response
        }
    }
}

extension APIError {
    static let invalidTicket = APIError(
        .unauthorized, code: "invalid_ticket",
        "the ticket is unknown, used, or older than \(StreamTickets.seconds) seconds",
        headers: [.wwwAuthenticate: "Bearer"])
    static let ticketsUnavailable = APIError.unavailable(
        "broker_unavailable", "tickets cannot be issued or redeemed now: Redis is away")
}
