import FoundationEssentials
import Placement
import ServiceRuntime
import Wire

/// What a Reader announces once an interval.
struct ReaderAnnouncement: Codable, Equatable, Sendable {
    /// Longer entries are garbage: 256 names of full channels take less.
    static let bytesMax = 64 << 10
    static let fullMax = 1_024

    /// Where viewers reach it; without one no viewer is redirected there.
    var url: String?
    var connections: Int
    /// Connections that it takes at most.
    var capacity: Int
    var draining: Bool
    /// Channels that take no more viewers there.
    var full: [String]

    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// It goes into a header as it is, for viewers to see. So it must be visible ASCII, and hold no password: Redis is not
    /// trusted with that.
    static func isAddress(_ url: String) -> Bool {
        url.utf8.count <= 2_048 && url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            && ServiceURL(url, schemes: ["http", "https"])?.hasCredentials == false
    }

    func view(id: String) -> ReaderView {
        ReaderView(
            id: id, connections: connections, isDraining: draining || connections >= capacity, fullChannels: Set(full))
    }
}

extension ReaderAnnouncement {
    /// `nil` when it cannot be read. An invalid public URL counts as missing.
    init?(parsing bytes: ArraySlice<UInt8>) {
        guard bytes.count <= Self.bytesMax,
            var parsed = try? JSONDecoder().decode(ReaderAnnouncement.self, from: Data(bytes)),
            parsed.connections >= 0, parsed.capacity >= 0, parsed.full.count <= Self.fullMax
        else { return nil }
        if let url = parsed.url, !Self.isAddress(url) { parsed.url = nil }
        self = parsed
    }
}
