import Foundation
import Report
import SocketLoop

/// Testing has an `ExitStatus` of its own.
typealias RunStatus = ExitStatus

/// A fake service that listens on a free port of the loopback.
struct RunningService: Sendable {
    let port: Int
    let seen: FakeService.SeenBox
    var url: String { "http://127.0.0.1:\(port)" }
}

/// Runs `body` with a fake service, and stops it.
func withService<Result>(
    _ faults: FakeService.Faults = .init(), _ body: (RunningService) async throws -> Result
) async throws -> Result {
    let seen = FakeService.SeenBox()
    return try await withListener(
        makeHandler: { FakeService(faults: faults, seen: seen) }, adopt: { .adopt($0) }
    ) { port in try await body(RunningService(port: port, seen: seen)) }
}

/// Runs `body` with a loop that gets every connection to a free port of the loopback, and stops it.
func withListener<Handler: SocketLoopHandler, Result>(
    makeHandler: @escaping @Sendable () -> Handler, adopt: @escaping @Sendable (Int32) -> Handler.Command,
    _ body: (Int) async throws -> Result
) async throws -> Result {
    let (listener, port) = try makeListener()
    let loop = try SocketLoop(settings: .init(name: "fake"), makeHandler: makeHandler)
    loop.start()
    let acceptor = Thread {
        // Ends when the listener is shut down.
        while case let descriptor = accept(listener, nil, nil), descriptor >= 0 { loop.submit(adopt(descriptor)) }
    }
    acceptor.start()
    let outcome: Swift.Result<Result, any Error>
    do { outcome = .success(try await body(port)) } catch { outcome = .failure(error) }
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    await loop.stop()
    return try outcome.get()
}

private struct NoListener: Error {}

private func makeListener() throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, length) + listen(descriptor, 1024) + getsockname(descriptor, address, &length)
        }
    }
    guard status == 0 else { throw NoListener() }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
}
