internal import Placement

/// One process's part of a swarm: the viewers v with v mod `count` == `index`.
public struct Shard: Hashable, Codable, Sendable, CustomStringConvertible {
    public static let countMax = 1024

    public let index: Int
    public let count: Int

    /// The whole swarm in one process.
    public static let whole = Shard(unchecked: 0, of: 1)

    private init(unchecked index: Int, of count: Int) {
        self.index = index
        self.count = count
    }

    /// Reads `I/N` with 0 ≤ I < N ≤ ``countMax``.
    public static func parse(_ text: String) throws(InvalidParameter) -> Shard {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), (1...countMax).contains(count),
            (0..<count).contains(index)
        else {
            throw InvalidParameter(
                name: "shard", value: text, expected: "I/N with 0 <= I < N <= \(countMax), for instance 0/4")
        }
        return Shard(unchecked: index, of: count)
    }

    public var description: String { "\(index)/\(count)" }

    public func contains(viewer: Int) -> Bool { viewer % count == index }

    /// This shard's part of `total` viewers.
    public func viewers(of total: Int) -> Int { (total - index + count - 1) / count }
}
