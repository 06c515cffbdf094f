public import Foundation
import Glibc

/// Where the programs are that a run starts.
public struct Binaries: Sendable {
    /// Chorus's own: `CommentAPI`, `ReaderAPI` and so on.
    public var directory: String
    /// Directories for programs of others, in this order.
    public var searchPath: [String]

    /// Beside this program; programs of others from `PATH` and from where Debian puts PostgreSQL's.
    public init(directory: String? = nil, path: String? = ProcessInfo.processInfo.environment["PATH"]) {
        self.directory = directory ?? Binaries.ownDirectory
        let path = (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map(String.init)
        // Debian has nginx where only root looks.
        searchPath = path + ["/usr/sbin"] + Binaries.postgresDirectories()
    }

    /// The folder of this program.
    public static let ownDirectory: String = {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = link ?? CommandLine.arguments[0]
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }()

    /// One of Chorus's own programs.
    ///
    /// - Throws: ``Failure/missing(_:)``, with the command that builds it.
    public func own(_ name: String, product: String? = nil) throws(Failure) -> String {
        let path = "\(directory)/\(name)"
        guard access(path, X_OK) == 0 else {
            throw .missing(
                "\(name) was not found in \(directory): build it with 'swift build --product \(product ?? name)'")
        }
        return path
    }

    /// A program of the system.
    ///
    /// - Throws: ``Failure/missing(_:)``, with the Debian package that brings it.
    public func system(_ name: String, package: String) throws(Failure) -> String {
        guard let directory = searchPath.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else {
            throw .missing("\(name) was not found: install it with 'apt-get install \(package)'")
        }
        return "\(directory)/\(name)"
    }

    /// What every run with comments needs of our own.
    public static let services = ["StatsAPI", "CommentAPI", "ReaderAPI", "SimClient"]

    /// Redis's server, and whatever else a command needs; asked before anything is started.
    ///
    /// - Throws: ``Failure/missing(_:)`` with all that is missing.
    public func check(own names: [String] = [], postgres: Bool = false) throws(Failure) {
        var missing: [String] = []
        func note(_ find: () throws(Failure) -> String) {
            do throws(Failure) { _ = try find() } catch { missing.append(error.description) }
        }
        note { () throws(Failure) in try system("redis-server", package: "redis-server") }
        if postgres { note { () throws(Failure) in try system("initdb", package: "postgresql") } }
        for name in names { note { () throws(Failure) in try own(name) } }
        guard missing.isEmpty else { throw .missing(missing.joined(separator: "\n")) }
    }

    /// `/usr/lib/postgresql/<version>/bin`, the newest first.
    private static func postgresDirectories() -> [String] {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap(Int.init).sorted(by: >).map { "\(root)/\($0)/bin" }
    }
}
