import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// How one finds out that a node can be used.
public enum Readiness: Equatable, Sendable {
    /// As soon as its process runs.
    case none
    /// It answers `GET` on this path with a success.
    case http(path: String)
    /// It takes commands: not while it still loads its data.
    case redis
    /// The program `pg_isready` at this path says so.
    case postgres(program: String)

    public static let service = Readiness.http(path: "/health/ready")

    /// Asks once.
    func holds(_ node: Node) async -> Bool {
        switch self {
        case .none: true
        case .http(let path): await Readiness.status(node.url + path).map { (200..<300).contains($0) } ?? false
        case .redis: await RedisProbe(node).isReady()
        case .postgres(let program):
            (try? await node.supervisor.output(of: program, ["-q", "-h", "127.0.0.1", "-p", "\(node.port)"])) != nil
        }
    }

    /// Whether it says anything at all, be it that it is not ready. PostgreSQL is not asked: that takes a program.
    func answers(_ node: Node) async -> Bool {
        switch self {
        case .none, .postgres: true
        case .http(let path): await Readiness.status(node.url + path) != nil
        case .redis: await RedisProbe(node).reply() != nil
        }
    }

    private static func status(_ url: String) async -> UInt? {
        guard
            let response = try? await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(2))
        else { return nil }
        _ = try? await response.body.collect(upTo: 65_536)
        return response.status.code
    }
}
