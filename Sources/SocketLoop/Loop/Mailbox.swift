internal import CKernel
internal import Primitives

/// The queue of a loop: commands from other threads, and a descriptor that wakes the loop when it sleeps.
///
/// Bounded by a weight that the sender states (bytes, usually): over the limit a command is refused. Commands of weight 0
/// are always taken: their senders bound them.
final class Mailbox<Command: Sendable>: Sendable {
    private struct State {
        var commands: [Command] = []
        var weight = 0
        var isAsleep = false
        var isClosed = false
    }

    private let state = Mutex(State())
    let weightMax: Int
    let wakeDescriptor: Int32

    init?(weightMax: Int) {
        let descriptor = chorus_eventfd()
        guard descriptor >= 0 else { return nil }
        self.weightMax = weightMax
        self.wakeDescriptor = descriptor
    }

    deinit { _ = closeDescriptor(wakeDescriptor) }

    /// - Parameter hasRoom: the sender has seen room a moment ago, and cannot take the command back.
    func submit(_ command: Command, weight: Int, hasRoom: Bool) -> Bool {
        let (accepted, mustWake) = state.withLock { state -> (Bool, Bool) in
            let isTaken = hasRoom || weight == 0 || state.weight == 0 || state.weight + weight <= weightMax
            guard !state.isClosed, isTaken else { return (false, false) }
            state.commands.append(command)
            state.weight += weight
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if mustWake { wake() }
        return accepted
    }

    /// Whether a command of `weight` would be taken now.
    func hasRoom(for weight: Int) -> Bool {
        state.withLock { !$0.isClosed && ($0.weight == 0 || $0.weight + weight <= weightMax) }
    }

    /// Empties the queue. `heldWeight` is what the handler still keeps of earlier commands: it counts against the limit.
    func take(into commands: inout [Command], heldWeight: Int) {
        state.withLock { state in
            swap(&commands, &state.commands)
            state.weight = heldWeight
        }
    }

    /// The loop is about to sleep; `false` when something came meanwhile. What the handler still keeps is stated once more:
    /// with an old weight the mailbox could refuse everything, and nothing would wake the loop.
    func prepareToSleep(heldWeight: Int) -> Bool {
        state.withLock { state in
            state.isAsleep = state.commands.isEmpty && !state.isClosed
            if state.isAsleep { state.weight = heldWeight }
            return state.isAsleep
        }
    }

    func wokeUp() {
        state.withLock { $0.isAsleep = false }
        var count: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &count) { readDescriptor(wakeDescriptor, $0) }
    }

    /// Refuses everything from here on, and wakes the loop.
    func close() {
        state.withLock { $0.isClosed = true }
        wake()
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    private func wake() {
        var one: UInt64 = 1
        _ = withUnsafeBytes(of: &one) { writeDescriptor(wakeDescriptor, $0) }
    }
}
