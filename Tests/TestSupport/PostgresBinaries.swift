import Foundation

/// Where the server's programs are: the newest version that is installed.
enum PostgresBinaries {
    static func path(_ name: String) -> String { directory + "/" + name }

    private static let directory: String = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap { Int($0) }.max()
        return newest.map { "\(root)/\($0)/bin" } ?? "/usr/bin"
    }()
}
