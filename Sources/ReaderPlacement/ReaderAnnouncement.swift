internal import FoundationEssentials
package import Placement
internal import ServiceRuntime
internal import Wire

/// What a Reader announces once an interval.
package struct ReaderAnnouncement: Codable, Equatable, Sendable {
    /// Longer entries are garbage: 256 names of full channels take less.
    package static let bytesMax = 64 << 10
    package static let fullMax = 1_024

    /// Where viewers reach it; without one no viewer is redirected there.
    package var url: String?
    package var connections: Int
    /// Connections that it takes at most.
    package var capacity: Int
    package var draining: Bool
    /// Channels that take no more viewers there.
    package var full: [String]

    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// It goes into a header as it is, for viewers to see. So it must be visible ASCII, and hold no password: Redis is not
    /// trusted with that.
    package static func isAddress(_ url: String) -> Bool {
        url.utf8.count <= 2_048 && url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            && ServiceURL(url, schemes: ["http", "https"])?.hasCredentials == false
    }

    package func view(id: String) -> ReaderView {
        ReaderView(
            id: id, connections: connections, isDraining: draining || connections >= capacity, fullChannels: Set(full))
    }
}

extension ReaderAnnouncement {
    /// `nil` when it cannot be read. An invalid public URL counts as missing.
    package init?(parsing bytes: ArraySlice<UInt8>) {
        guard bytes.count <= Self.bytesMax,
            var parsed = try? JSONDecoder().decode(ReaderAnnouncement.self, from: Data(bytes)),
            parsed.connections >= 0, parsed.capacity >= 0, parsed.full.count <= Self.fullMax
        else { return nil }
        if let url = parsed.url, !Self.isAddress(url) { parsed.url = nil }
        self = parsed
    }
}
