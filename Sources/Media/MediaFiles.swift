import FoundationEssentials

/// Where the files of pictures are. Names are parts with `/` between; a name never means other content.
public protocol MediaFiles: Sendable {
    /// Copies a file under a name; does nothing when the name is there. A reader never sees a part of it.
    func put(_ path: String, as name: String) throws
    /// Does nothing when there is no such file.
    func remove(_ name: String) throws
}

/// Files in a folder, which a web server shows.
public struct FolderMediaFiles: MediaFiles {
    private let folder: String

    public init(folder: String) {
        self.folder = folder
    }

    /// Makes the folder when it is missing.
    ///
    /// - Throws: when nothing can be written to it.
    public func check() throws {
        let probe = "\(folder)/.\(UInt64.random(in: 0 ... .max)).part"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: probe))
        try FileManager.default.removeItem(atPath: probe)
    }

    public func put(_ path: String, as name: String) throws {
        let files = FileManager.default
        let target = "\(folder)/\(name)"
        guard !files.fileExists(atPath: target) else { return }
        let parent = String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)])
        try files.createDirectory(
            atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let part = "\(target).\(UInt64.random(in: 0 ... .max)).part"
        do {
            try files.copyItem(atPath: path, toPath: part)
            try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: part)
            try files.moveItem(atPath: part, toPath: target)
        } catch {
            try? files.removeItem(atPath: part)
            // Somebody else has put the same there meanwhile.
            guard files.fileExists(atPath: target) else { throw error }
        }
    }

    public func remove(_ name: String) throws {
        let path = "\(folder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return }
        try FileManager.default.removeItem(atPath: path)
    }
}
