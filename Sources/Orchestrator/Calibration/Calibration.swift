import Foundation

/// What things cost on one machine: `calibration.json`. Every number was measured there, and belongs to it alone.
struct Calibration: Codable, Equatable, Sendable {
    static let schemaVersion = 1

    var schema = Calibration.schemaVersion
    var kind = "calibration"
    var command: String
    var software: Software
    var machine: Machine
    /// UTC.
    var startedAt: String
    var finishedAt = ""
    var reader = Reader()
    var redis = Redis()

    /// A Reader process.
    struct Reader: Codable, Equatable, Sendable {
        /// Resident memory without a viewer.
        var processBytes = 0.0
        /// What a connection adds to it.
        var connectionBytes = 0.0
        /// Kernel memory of one end of a connection.
        var connectionKernelBytes = 0.0
        /// What a subscribed channel adds to the process.
        var subscriptionBytes = 0.0
        var connectCPUMicroseconds = 0.0
        /// Of the Reader, for one event to one viewer: on a channel with many.
        var deliveryCPUMicroseconds = 0.0
        /// Of the Reader, for one message from Redis, before anybody gets it.
        var messageCPUMicroseconds = 0.0
        /// On the viewer's stream.
        var deliveryBytes = 0.0
        var descriptorsPerConnection = 1.0
        /// Publish to receive, 99% of the deliveries, at the load that it was measured at.
        var p99Milliseconds = 0.0
        /// Part of one core that the Reader used then.
        var p99Load = 0.0
        /// Viewers of the channel that it was measured on.
        var p99Viewers = 0
    }

    /// A Redis process; it has one thread for commands.
    struct Redis: Codable, Equatable, Sendable {
        /// Memory without a channel.
        var processBytes = 0.0
        /// Of a channel that has a subscriber, and of each subscription.
        var channelBytes = 0.0
        var subscriptionBytes = 0.0
        /// Of a comment in the history.
        var historyBytes = 0.0
        /// Of the publish as CommentAPI does it: offset, history and PUBLISH in one script, without a subscriber.
        var publishCPUMicroseconds = 0.0
        /// Of each subscriber that a publish goes to.
        var deliveryCPUMicroseconds = 0.0
        /// To each subscriber.
        var deliveryBytes = 0.0
    }

    /// Of each packet: Ethernet, IP and TCP with time stamps. Not measured: the loopback has none of the first.
    static let packetBytes = 14.0 + 20 + 32
}

extension Calibration {
    /// - Throws: ``Failure/missing(_:)`` when there is no file, ``Failure/arguments(_:)`` when it is no calibration of this
    ///   version.
    static func read(_ path: String) throws(Failure) -> Calibration {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
            throw .missing(
                "\(path): there is no calibration; measure this machine with 'Orchestrator calibrate --file \(path)' (about a"
                    + " minute), or name another file with --calibration")
        }
        guard let calibration = try? JSONDecoder().decode(Calibration.self, from: data),
            calibration.kind == "calibration", calibration.schema == schemaVersion
        else {
            throw .arguments([
                "--calibration \(path): is no calibration of version \(schemaVersion); measure again with"
                    + " 'Orchestrator calibrate --file \(path)'"
            ])
        }
        guard let problem = calibration.problem else { return calibration }
        throw .arguments(["--calibration \(path): \(problem); measure again when the machine is quiet"])
    }

    /// Costs that were lost in noise: nothing can be planned with them.
    var problem: String? {
        let positive = [
            ("reader.connectionBytes", reader.connectionBytes),
            ("reader.deliveryCPUMicroseconds", reader.deliveryCPUMicroseconds),
            ("reader.deliveryBytes", reader.deliveryBytes), ("reader.p99Milliseconds", reader.p99Milliseconds),
            ("redis.publishCPUMicroseconds", redis.publishCPUMicroseconds),
            ("redis.deliveryCPUMicroseconds", redis.deliveryCPUMicroseconds),
            ("redis.subscriptionBytes", redis.subscriptionBytes),
        ]
        let wrong = positive.filter { !($0.1 > 0) }.map(\.0)
        return wrong.isEmpty ? nil : "\(wrong.joined(separator: ", ")) must be above 0"
    }
}

/// Two costs from two measurements, each of which is a sum of both.
enum Costs {
    /// The a and b of `first.x·a + first.y·b = first.cost` and the same of `second`; `nil` when the two say the same
    /// thing twice. What noise makes negative is 0, and the other one then carries all of the second measurement.
    static func solve(
        _ first: (x: Double, y: Double, cost: Double), _ second: (x: Double, y: Double, cost: Double)
    ) -> (a: Double, b: Double)? {
        let determinant = first.x * second.y - second.x * first.y
        guard abs(determinant) > 1e-9 * max(abs(first.x * second.y), abs(second.x * first.y)) else { return nil }
        let a = (first.cost * second.y - second.cost * first.y) / determinant
        let b = (first.x * second.cost - second.x * first.cost) / determinant
        if a < 0 { return (0, second.y > 0 ? second.cost / second.y : 0) }
        if b < 0 { return (second.x > 0 ? second.cost / second.x : 0, 0) }
        return (a, b)
    }
}
