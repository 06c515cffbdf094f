internal import Foundation

/// A set of numbered users, one bit each: ten million are a megabyte and a quarter.
public struct UserBits: Equatable, Sendable {
    private var words: [UInt64] = []
    public private(set) var count = 0

    public init() {}

    public init(_ users: some Sequence<Int>) {
        for user in users { insert(user) }
    }

    public func contains(_ user: Int) -> Bool {
        user >= 0 && user / 64 < words.count && words[user / 64] >> UInt64(user % 64) & 1 == 1
    }

    /// - Parameter user: 0 or more. `false` when it was there already.
    @discardableResult
    public mutating func insert(_ user: Int) -> Bool {
        guard !contains(user) else { return false }
        if user / 64 >= words.count { words += Array(repeating: 0, count: user / 64 + 1 - words.count) }
        words[user / 64] |= 1 << UInt64(user % 64)
        count += 1
        return true
    }

    /// How many are in only one of both.
    public func differences(from other: UserBits) -> Int {
        (0..<max(words.count, other.words.count)).reduce(0) { sum, index in
            let mine = index < words.count ? words[index] : 0
            let theirs = index < other.words.count ? other.words[index] : 0
            return sum + (mine ^ theirs).nonzeroBitCount
        }
    }

    public static func == (left: UserBits, right: UserBits) -> Bool { left.differences(from: right) == 0 }
}

/// The bits as base64, lowest first.
extension UserBits: Codable {
    public init(from decoder: any Decoder) throws {
        let bytes = try decoder.singleValueContainer().decode(Data.self)
        for (index, byte) in bytes.enumerated() where byte != 0 {
            for bit in 0..<8 where byte >> bit & 1 == 1 { insert(index * 8 + bit) }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        try container.encode(Data(bytes))
    }
}
