import Foundation
import Glibc
import TestSupport
import Testing

@testable import Fanout

/// What may be left of connections that have gone.
struct Leftovers: Equatable, CustomStringConvertible {
    var channels = 0
    var places = 0
    var waiting = 0
    var connections = 0
    var subscriptions = 0
    /// Sockets of this process that the Reader's port has accepted.
    var sockets = 0

    var description: String {
        "channels \(channels), places \(places), waiting \(waiting), connections \(connections), "
            + "subscriptions \(subscriptions), sockets \(sockets)"
    }

    init() {}

    init(_ system: TestSystem) throws {
        (channels, places, waiting) = system.hub.step { ($0.entries.count, $0.places, $0.pendingSubscribers.count) }
        connections = system.hub.counters.connections
        subscriptions = try system.subscribedVideos()
        sockets = acceptedSockets(port: system.reader.port)
    }
}

func expectNothingLeft(_ system: TestSystem, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    _ = await eventually(within: 30) { try Leftovers(system) == Leftovers() }
    #expect(try Leftovers(system) == Leftovers(), sourceLocation: sourceLocation)
}

/// Sockets of this process that were accepted on `port`, whoever holds them now. Other tests run in this process too, so
/// its descriptors as a whole say nothing.
func acceptedSockets(port: Int) -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.compactMap { Int32($0) }.count { descriptor in
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard status == 0, address.sin_family == sa_family_t(AF_INET), UInt16(bigEndian: address.sin_port) == port
        else { return false }
        var isListening: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0 && isListening == 0
    }
}
