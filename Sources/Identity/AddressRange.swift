internal import Glibc

/// An IP address; an IPv4 address in IPv6's clothes (`::ffff:1.2.3.4`) is the IPv4 address.
public struct IPAddress: Hashable, Sendable {
    /// 4 or 16 bytes.
    public let bytes: [UInt8]

    /// `nil` for anything but an address in its usual text form.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
            return
        }
        var sixteen = in6_addr()
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        let all = withUnsafeBytes(of: &sixteen) { Array($0) }
        let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
        bytes = isMapped ? Array(all[12...]) : all
    }

    /// In a form that ``init(_:)`` reads.
    public var text: String {
        bytes.count == 4
            ? bytes.map { String($0) }.joined(separator: ".")
            : groups(8)
    }

    /// What a limit counts together: an IPv4 address, or the /64 of an IPv6 one, of which one customer has all.
    public var limitKey: String {
        bytes.count == 4
            ? text
            : groups(4) + "::"
    }

    /// The first of the eight groups of an IPv6 address.
    private func groups(_ count: Int) -> String {
        stride(from: 0, to: 2 * count, by: 2)
            .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }
}

/// Addresses that share a beginning: `10.0.0.0/8`, `::1`.
public struct AddressRange: Equatable, Sendable {
    private let address: IPAddress
    private let bits: Int

    /// An address, or one with `/` and the number of its leading bits that count.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
        self.address = address
        let all = address.bytes.count * 8
        guard parts.count == 2 else {
            bits = all
            return
        }
        guard let bits = Int(parts[1]), (0...all).contains(bits), parts[1].utf8.allSatisfy({ $0 >= 0x30 }) else {
            return nil
        }
        self.bits = bits
    }

    public func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        let whole = bits / 8
        guard other.bytes[..<whole] == address.bytes[..<whole] else { return false }
        let rest = bits % 8
        return rest == 0 || (other.bytes[whole] ^ address.bytes[whole]) >> UInt8(8 - rest) == 0
    }
}
