internal import Glibc

/// An IP address; an IPv4 address in IPv6's clothes (`::ffff:1.2.3.4`) is the IPv4 address.
public struct IPAddress: Hashable, Sendable {
    /// The 128 bits of an IPv6 address; an IPv4 address is the lower 32 of `low`.
    fileprivate let high, low: UInt64
    fileprivate let isIPv4: Bool

    /// - Parameter bits: in the host's order.
    public init(ipv4 bits: UInt32) {
        (high, low, isIPv4) = (0, UInt64(bits), true)
    }

    /// The upper and the lower half of the address, in the host's order.
    public init(ipv6 high: UInt64, _ low: UInt64) {
        let isMapped = high == 0 && low >> 32 == 0xFFFF
        (self.high, self.low, isIPv4) = (high, isMapped ? low & 0xFFFF_FFFF : low, isMapped)
    }

    /// `nil` for anything but an address in its usual text form.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(ipv4: UInt32(bigEndian: four.s_addr))
            return
        }
        var sixteen: (UInt64, UInt64) = (0, 0)
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        self.init(ipv6: UInt64(bigEndian: sixteen.0), UInt64(bigEndian: sixteen.1))
    }

    /// In a form that ``init(_:)`` reads.
    public var text: String {
        guard isIPv4 else { return groups(of: high) + ":" + groups(of: low) }
        return "\(low >> 24).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
    }

    /// What a limit counts together: an IPv4 address, or the /64 of an IPv6 one, of which one customer has all.
    public var limitKey: String { isIPv4 ? text : groups(of: high) + "::" }

    private func groups(of half: UInt64) -> String {
        [48, 32, 16, 0].map { String(half >> $0 & 0xFFFF, radix: 16) }.joined(separator: ":")
    }

    /// Bits of the address.
    fileprivate var width: Int { isIPv4 ? 32 : 128 }

    /// Whether the first so many bits are those of another address of the same kind.
    fileprivate func shares(_ bits: Int, with other: IPAddress) -> Bool {
        guard !isIPv4 else { return (low ^ other.low) >> UInt64(32 - bits) == 0 }
        guard bits > 64 else { return (high ^ other.high) >> UInt64(64 - bits) == 0 }
        return high == other.high && (low ^ other.low) >> UInt64(128 - bits) == 0
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
        let all = address.width
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
        other.isIPv4 == address.isIPv4 && address.shares(bits, with: other)
    }
}
