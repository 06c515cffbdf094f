/// What happens when, in virtual nanoseconds: a binary heap. What is due at the same time happens in the order in which
/// it was asked for.
struct EventQueue {
    private struct Event {
        let time: UInt64
        let order: UInt64
        let action: () -> Void

        func isBefore(_ other: Event) -> Bool { time != other.time ? time < other.time : order < other.order }
    }

    private var heap: [Event] = []
    private var nextOrder: UInt64 = 0

    mutating func add(at time: UInt64, _ action: @escaping () -> Void) {
        heap.append(Event(time: time, order: nextOrder, action: action))
        nextOrder += 1
        var child = heap.count - 1
        while child > 0, heap[child].isBefore(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out the next event that is due by `time`.
    mutating func next(by time: UInt64) -> (time: UInt64, action: () -> Void)? {
        guard let first = heap.first, first.time <= time else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.action)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].isBefore(heap[least])
            {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
