public import Primitives

/// Why a command, or a part of a testbed, could not do its work.
public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// All that is wrong with the arguments, one sentence each.
    case arguments([String])
    /// A program or a file that has to be installed or built first.
    case missing(String)
    /// Something that was started and does not get ready, or does not answer as agreed.
    case unavailable(String)
    case died(ChildDeath)
    case interrupted

    public var description: String {
        switch self {
        case .arguments(let problems):
            problems.count == 1 ? problems[0] : "the arguments do not fit:" + problems.map { "\n  \($0)" }.joined()
        case .missing(let text), .unavailable(let text): text
        case .died(let death): death.description
        case .interrupted: "interrupted"
        }
    }

    /// What `body` throws, as a failure; `nil` when it throws nothing.
    public static func of(_ body: () async throws -> Void) async -> Failure? {
        do {
            try await body()
            return nil
        } catch let failure as Failure {
            return failure
        } catch let death as ChildDeath {
            return .died(death)
        } catch is CancellationError {
            return .interrupted
        } catch {
            return .unavailable(String(describing: error))
        }
    }
}

extension Polling {
    /// The same for what has to come.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` with `late` when `limit` has passed.
    public static func wait<Answer: Sendable>(
        atMost limit: Duration, every pause: Duration = .milliseconds(20), late: @autoclosure () -> String,
        for probe: () async throws -> Answer?
    ) async throws -> Answer {
        guard let answer = try await wait(atMost: limit, every: pause, for: probe) else {
            throw Failure.unavailable(late())
        }
        return answer
    }

    /// The same for what has to hold.
    public static func until(
        atMost limit: Duration, every pause: Duration = .milliseconds(20), late: @autoclosure () -> String,
        _ condition: () async throws -> Bool
    ) async throws {
        guard try await until(atMost: limit, every: pause, condition) else { throw Failure.unavailable(late()) }
    }
}
