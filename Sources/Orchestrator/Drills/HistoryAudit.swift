import Foundation
import Testbed

/// Reads `GET /history` of every channel, and looks for what was acknowledged.
struct HistoryAudit: Sendable {
    let client: ServiceClient

    /// Pages of one channel, each of 500 comments.
    static let pagesMax = 2_000

    private struct Page: Decodable {
        struct Comment: Decodable {
            var comment: String
        }

        var comments: [Comment]
        var next: String?
    }

    /// - Parameter written: by channel name, the comments that must be there, as their texts begin: `<swarm>.<number>`.
    /// - Throws: ``Failure/unavailable(_:)`` when the service does not answer.
    func check(_ written: [String: [String]]) async throws(Failure) -> DrillResult.HistoryCheck {
        var check = DrillResult.HistoryCheck()
        for (channel, comments) in written.sorted(by: { $0.key < $1.key }) {
            let found = try await history(of: channel)
            check.wanted += comments.count
            check.missing += HistoryAudit.missing(comments, in: found)
            check.others += found.subtracting(comments).count
        }
        return check
    }

    static func missing(_ wanted: [String], in found: Set<String>) -> Int {
        wanted.count { !found.contains($0) }
    }

    private func history(of channel: String) async throws(Failure) -> Set<String> {
        let video = channel.split(separator: ":", maxSplits: 1).last.map(String.init) ?? channel
        var found: Set<String> = []
        var before: String?
        for _ in 0..<HistoryAudit.pagesMax {
            let data = try await client.get(
                "/history?videoid=\(video)&limit=500" + (before.map { "&before=\($0)" } ?? ""))
            guard let page = try? JSONDecoder().decode(Page.self, from: data) else {
                throw .unavailable("\(client.node.name): the answer of /history cannot be read")
            }
            for comment in page.comments {
                found.formUnion(comment.comment.split(separator: " ").prefix(1).map(String.init))
            }
            before = page.next
            if before == nil { break }
        }
        return found
    }
}
