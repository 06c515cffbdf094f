import Foundation

/// Where a run writes: a folder for the report that stays, and one for the servers' data that does not.
struct Folders: Sendable {
    /// Absolute; holds the reports and `logs/`.
    let report: String
    /// Absolute; holds data of the private servers.
    let data: String

    /// Makes both.
    ///
    /// - Throws: ``Failure/unavailable(_:)`` when they cannot be made.
    init(report path: String) throws(Failure) {
        report = try Folders.makeReport(path)
        data = NSTemporaryDirectory() + "chorus-" + UUID().uuidString.prefix(8)
        do {
            try FileManager.default.createDirectory(atPath: report + "/logs", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        } catch {
            throw .unavailable("cannot write to \(report): \(error.localizedDescription)")
        }
        // Logs are appended to, for the sake of restarts: those of an earlier run would look like this one's.
        for old in (try? FileManager.default.contentsOfDirectory(atPath: report + "/logs")) ?? []
        where old.hasSuffix(".log") {
            try? FileManager.default.removeItem(atPath: "\(report)/logs/\(old)")
        }
    }

    /// Makes a folder for a report and returns its absolute path.
    static func makeReport(_ path: String) throws(Failure) -> String {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
        do {
            try FileManager.default.createDirectory(atPath: absolute, withIntermediateDirectories: true)
        } catch {
            throw .unavailable("cannot write to \(absolute): \(error.localizedDescription)")
        }
        return absolute
    }

    func log(_ name: String) -> String { "\(report)/logs/\(name).log" }

    func removeData() {
        try? FileManager.default.removeItem(atPath: data)
    }
}
