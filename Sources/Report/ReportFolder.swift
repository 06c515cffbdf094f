import Foundation

/// The folder of one report: `<parent>/<kind>-<time>`, made for it and for nothing else. `<parent>/latest` is a link to
/// the newest one. Nothing that is there already is changed or removed.
public struct ReportFolder: Sendable {
    /// Absolute.
    public let path: String

    /// A new folder, and the link to it.
    ///
    /// - Parameter startedAt: ISO 8601.
    public init(in parent: String, kind: String, startedAt: String) throws(ReportError) {
        let parent = URL(fileURLWithPath: parent).standardizedFileURL.path
        try ReportFolder.make(parent)
        let time = startedAt.filter(\.isNumber).prefix(14)
        let name = "\(kind)-\(time.prefix(8))-\(time.dropFirst(8))"
        var (number, folder) = (1, name)
        while FileManager.default.fileExists(atPath: "\(parent)/\(folder)") {
            number += 1
            folder = "\(name)-\(number)"
        }
        path = "\(parent)/\(folder)"
        try ReportFolder.make(path)
        ReportFolder.link("\(parent)/latest", to: folder)
    }

    /// A folder inside of a report's own.
    ///
    /// What an interrupted command left there is kept under another name.
    public init(_ name: String, inside outer: String) throws(ReportError) {
        path = "\(outer)/\(name)"
        var number = 1
        while FileManager.default.fileExists(atPath: "\(path).\(number)") { number += 1 }
        if FileManager.default.fileExists(atPath: path) {
            do { try FileManager.default.moveItem(atPath: path, toPath: "\(path).\(number)") } catch {
                throw .cannotWrite("cannot move \(path): \(error.localizedDescription)")
            }
        }
        try ReportFolder.make(path)
    }

    /// A folder that is there already.
    public init(existing path: String) { self.path = URL(fileURLWithPath: path).standardizedFileURL.path }

    /// Whether a file of this name can be written: nothing is made.
    public static func canWrite(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        let folder = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
            return !isFolder.boolValue && FileManager.default.isWritableFile(atPath: path)
        }
        return FileManager.default.isWritableFile(atPath: folder)
    }

    private static func make(_ path: String) throws(ReportError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .cannotWrite("cannot write to \(path): \(error.localizedDescription)")
        }
    }

    /// Takes the place of an older link at once; anything else of that name stays.
    private static func link(_ path: String, to name: String) {
        let files = FileManager.default
        guard !files.fileExists(atPath: path) || (try? files.destinationOfSymbolicLink(atPath: path)) != nil else {
            return
        }
        let fresh = "\(path).\(name)"
        guard (try? files.createSymbolicLink(atPath: fresh, withDestinationPath: name)) != nil else { return }
        if rename(fresh, path) != 0 { try? files.removeItem(atPath: fresh) }
    }

    /// Writes the report in every format.
    ///
    /// - Returns: what a person should know: that Chart.js is missing, so that the page has no plots.
    @discardableResult
    public func write(_ report: Report, _ assets: PageAssets = .installed) throws(ReportError) -> String? {
        try write(report.json(), to: "report.json")
        try write(report.markdown(), to: "report.md")
        try write(report.html(assets), to: "report.html")
        try write(report.csv(), to: "report.csv")
        try write(report.junit(), to: "junit.xml")
        try write(report.openMetrics(), to: "metrics.txt")
        if !report.samples.isEmpty { try write(report.samplesCSV(), to: "samples.csv") }
        return assets.script == nil && !report.charts.isEmpty ? PageAssets.missing : nil
    }

    public func write(_ text: String, to name: String) throws(ReportError) {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        } catch {
            throw .cannotWrite("cannot write \(path)/\(name): \(error.localizedDescription)")
        }
    }
}

extension Report {
    /// With sorted members, so that two reports can be compared line by line.
    public func json() throws(ReportError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do { return String(decoding: try encoder.encode(self), as: UTF8.self) } catch {
            throw .cannotWrite("the report cannot be encoded: \(error)")
        }
    }

    /// Reads `report.json`, or that of a folder.
    ///
    /// - Throws: ``ReportError/invalid(_:)`` for a file that is no report of this format.
    public static func read(_ path: String) throws(ReportError) -> Report {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = isFolder.boolValue ? path + "/report.json" : path
        struct Head: Decodable {
            var kind: String
            var format: Int?
            var schema: Int?
        }
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: file))
            let head = try JSONDecoder().decode(Head.self, from: data)
            guard head.format == formatVersion else {
                let version = head.format ?? head.schema ?? 0
                throw ReportError.invalid(
                    "\(file): a report of kind '\(head.kind)' in format \(version); this command reads format"
                        + " \(formatVersion): make it again with this version")
            }
            return try JSONDecoder().decode(Report.self, from: data)
        } catch let error as ReportError {
            throw error
        } catch {
            throw .invalid("\(file): not a report.json of Orchestrator: \(error.localizedDescription)")
        }
    }
}
