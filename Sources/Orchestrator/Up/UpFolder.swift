import Foundation
import Glibc
import Testbed

/// The folder of `Orchestrator up`: one process at a time uses it.
struct UpFolder {
    /// Absolute.
    let path: String
    var data: String { path + "/data" }

    /// - Parameter fresh: removes the data.
    /// - Throws: ``Failure/unavailable(_:)`` when another process uses it, or PostgreSQL could not.
    init(_ folder: String, fresh: Bool) throws(Failure) {
        path = URL(fileURLWithPath: folder).standardizedFileURL.path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .unavailable("cannot write to \(path): \(error.localizedDescription)")
        }
        try UpFolder.checkWays(to: path)
        // Never closed: the lock ends with this process.
        let lock = open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw .unavailable("another 'Orchestrator up' uses \(path): take another one with --folder")
        }
        do {
            for old in [path + "/logs"] + (fresh ? [data] : []) where FileManager.default.fileExists(atPath: old) {
                try FileManager.default.removeItem(atPath: old)
            }
        } catch {
            throw .unavailable("cannot clear \(path): \(error.localizedDescription)")
        }
    }

    /// Started by root, PostgreSQL and nginx's workers are other users, who must get there.
    private static func checkWays(to path: String) throws(Failure) {
        guard geteuid() == 0 else { return }
        var folder = URL(fileURLWithPath: path)
        while folder.path != "/" {
            let attributes = try? FileManager.default.attributesOfItem(atPath: folder.path)
            if let permissions = attributes?[.posixPermissions] as? Int, permissions & 0o001 == 0 {
                throw .unavailable(
                    "PostgreSQL does not run as root, and other users may not enter \(folder.path): take another folder "
                        + "with --folder, or allow it with 'chmod o+x \(folder.path)'")
            }
            folder.deleteLastPathComponent()
        }
    }
}
