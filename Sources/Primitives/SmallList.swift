/// A list that mostly has one element: that one is kept in place, without an allocation.
public struct SmallList<Element> {
    private var head: Element?
    /// Behind the first.
    private var rest: [Element] = []

    public init() {}

    public mutating func append(_ element: Element) {
        if head == nil { head = element } else { rest.append(element) }
    }

    public mutating func remove(at index: Int) -> Element {
        guard index == 0, let first = head else { return rest.remove(at: index - 1) }
        head = rest.isEmpty ? nil : rest.removeFirst()
        return first
    }
}

extension SmallList: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { head == nil ? 0 : 1 + rest.count }

    public subscript(index: Int) -> Element {
        guard index == 0, let head else { return rest[index - 1] }
        return head
    }
}

extension SmallList: Sendable where Element: Sendable {}
