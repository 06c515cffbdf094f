import Foundation

/// Where a run writes: the folder of its report, which stays, and one for the servers' data, which does not.
struct Folders: Sendable {
    /// Absolute; holds the report and `logs/`.
    let report: String
    /// Absolute; holds data of the private servers.
    let data: String

    /// Makes both. `path` is a folder of this run alone: logs are appended to, for the sake of restarts.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when they cannot be made.
    init(report path: String) throws(Failure) {
        report = URL(fileURLWithPath: path).standardizedFileURL.path
        data = NSTemporaryDirectory() + "chorus-" + UUID().uuidString.prefix(8)
        do {
            try FileManager.default.createDirectory(atPath: report + "/logs", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        } catch {
            throw .unavailable("cannot write to \(report): \(error.localizedDescription)")
        }
    }

    func log(_ name: String) -> String { "\(report)/logs/\(name).log" }

    func removeData() {
        try? FileManager.default.removeItem(atPath: data)
    }
}
