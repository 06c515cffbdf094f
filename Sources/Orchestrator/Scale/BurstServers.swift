import Audience
import Broker
import RedisNIO
import Testbed

/// How publishes reach subscribers.
enum Publishing: String, CaseIterable, Sendable {
    /// `PUBLISH`: in a cluster every node gets every message, and a subscriber may be at any.
    case classic
    /// `SPUBLISH`: a message stays on the node that has the channel's slot, and subscribers come there.
    case sharded
}

/// The Redis that a burst is given: one server, or the masters of a cluster.
struct BurstServers: Sendable {
    let ports: [Int]
    var publishing = Publishing.classic
    /// Under which each of them knows the service's publish script; `nil`: plain publishes, without history.
    var script: String?

    /// Makes the script known to all.
    mutating func load() async throws {
        let source = PublishScript.make(RedisBrokerSettings(), isSharded: publishing == .sharded).source
        for port in ports {
            script = try await RedisProbe(port: port).send(RedisCommand("SCRIPT", "LOAD", source)).text
        }
    }

    /// Which of them has the channel.
    func server(of channel: String) -> Int { RedisCluster.master(of: channel, of: ports.count) }

    /// Which of them a Reader subscribes to a channel at.
    func server(ofReader reader: Int, _ channel: String) -> Int {
        publishing == .sharded ? server(of: channel) : reader % ports.count
    }

    /// In a message and its acknowledgement.
    var words: (message: String, subscribe: String) {
        publishing == .sharded ? ("smessage", "ssubscribe") : ("message", "subscribe")
    }

    func figures() async throws -> [RedisFigures] {
        var figures: [RedisFigures] = []
        for port in ports { figures.append(try await RedisProbe(port: port).figures()) }
        return figures
    }
}
