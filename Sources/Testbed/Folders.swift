import Foundation
import Glibc

/// Where a testbed writes: a folder that stays, with logs, and one for the servers' data.
public struct Folders: Sendable {
    /// Absolute; holds `logs/`, and whatever the caller writes.
    public let report: String
    /// Absolute; data of the servers, each in a folder of its name.
    public let data: String
    /// Locked as long as a temporary ``data`` is in use; `nil` for data that stays.
    private let lock: Int32?

    /// Makes both folders. Logs are appended to, for the sake of restarts.
    ///
    /// - Parameters:
    ///   - path: the folder that stays; without it, that of the data.
    ///   - data: data that stays; without it, a temporary folder. Temporary folders that were left behind by processes
    ///     that were killed are removed.
    /// - Throws: ``Failure/unavailable(_:)`` when they cannot be made.
    public init(report path: String? = nil, data kept: String? = nil) throws(Failure) {
        func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
        do {
            if let kept {
                (data, lock) = (absolute(kept), nil)
                try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
            } else {
                Folders.removeLeftOver()
                (data, lock) = try Folders.makeTemporary()
            }
            report = path.map(absolute) ?? data
            try FileManager.default.createDirectory(atPath: report + "/logs", withIntermediateDirectories: true)
        } catch {
            throw .unavailable(
                "cannot write to \(path ?? NSTemporaryDirectory()): \(error.localizedDescription)")
        }
    }

    /// A folder among the data that only its owner may enter.
    public func secrets(_ name: String) throws(Failure) -> String { try folder(name, permissions: 0o700) }

    /// A folder among the data that everybody may read.
    public func shared(_ name: String) throws(Failure) -> String { try folder(name, permissions: 0o755) }

    private func folder(_ name: String, permissions: Int) throws(Failure) -> String {
        let path = "\(data)/\(name)"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: permissions])
        } catch {
            throw .unavailable("cannot make \(path): \(error.localizedDescription)")
        }
        return path
    }

    public func log(_ name: String) -> String { "\(report)/logs/\(name).log" }

    /// Removes temporary data.
    public func removeData() {
        guard let lock else { return }
        try? FileManager.default.removeItem(atPath: data)
        close(lock)
    }

    private static let prefix = "chorus-data-"

    private static func makeTemporary() throws -> (String, Int32) {
        let id = UUID().uuidString.prefix(8)
        // Found by others under its final name only, and then it is locked.
        let (hidden, path) = (NSTemporaryDirectory() + ".\(prefix)\(id)", NSTemporaryDirectory() + "\(prefix)\(id)")
        try FileManager.default.createDirectory(atPath: hidden, withIntermediateDirectories: false)
        let lock = open(hidden + "/.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        flock(lock, LOCK_EX)
        try FileManager.default.moveItem(atPath: hidden, toPath: path)
        return (path, lock)
    }

    private static func removeLeftOver() {
        let base = NSTemporaryDirectory()
        for name in (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? [] where name.hasPrefix(prefix) {
            let lock = open(base + name + "/.lock", O_RDWR | O_CLOEXEC)
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: base + name) }
            close(lock)
        }
    }
}
