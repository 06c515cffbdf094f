import AsyncHTTPClient
import Glibc
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
    /// It answers `PING` with `PONG`: not while it still loads its data.
    case redis
    /// The program `pg_isready` at this path says so.
    case postgres(program: String)

    /// Asks once.
    func holds(port: Int) async -> Bool {
        switch self {
        case .none: true
        case .http: await Readiness.answers(port: port)
        case .redis: Readiness.firstLine(port: port, request: "PING\r\n") == "+PONG"
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

    /// One request and the first line of its answer, with a blocking socket and a second of patience: on loopback this is
    /// over before a suspension would pay.
    private static func firstLine(port: Int, request: String) -> String? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0, send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].prefix { $0 != 13 }, as: UTF8.self)
    }
}
