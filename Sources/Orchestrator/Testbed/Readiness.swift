import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Subprocess
import SystemPackage

/// How one finds out that a node can be used.
enum Readiness: Equatable, Sendable {
    /// As soon as its process runs.
    case none
    /// It answers `GET /health/ready` with a success.
    case http
    /// It takes commands: not while it still loads its data.
    case redis
    /// The program `pg_isready` at this path says so.
    case postgres(program: String)

    /// Asks once.
    func holds(port: Int) async -> Bool {
        switch self {
        case .none: true
        case .http: await Readiness.answers(port: port)
        case .redis: await RedisProbe(port: port).isReady()
        case .postgres(let program): await Readiness.succeeds(program, ["-q", "-h", "127.0.0.1", "-p", "\(port)"])
        }
    }

    private static func answers(port: Int) async -> Bool {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/health/ready")
        guard let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(1)) else { return false }
        _ = try? await response.body.collect(upTo: 65_536)
        return (200..<300).contains(response.status.code)
    }

    private static func succeeds(_ program: String, _ arguments: [String]) async -> Bool {
        let result = try? await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(arguments), output: .discarded, error: .discarded)
        return result?.terminationStatus.isSuccess ?? false
    }
}
