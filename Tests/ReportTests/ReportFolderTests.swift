import Foundation
import Testing

@testable import Report

struct ReportFolderTests {
    private let time = "2026-01-01T12:34:56.789Z"

    @Test func aReportSurvivesItsFiles() throws {
        try withFolder { folder in
            let own = try ReportFolder(in: folder, kind: "run", startedAt: time)
            #expect(own.path == "\(folder)/run-20260101-123456")
            try own.write(makeReport())
            #expect(try Report.read("\(own.path)/report.json") == makeReport())
            #expect(try Report.read("\(folder)/latest") == makeReport())
            let names = try FileManager.default.contentsOfDirectory(atPath: own.path).sorted()
            #expect(
                names == [
                    "junit.xml", "metrics.txt", "report.csv", "report.html", "report.json", "report.md", "samples.csv",
                ])
        }
    }

    @Test func nothingOfOthersIsTouched() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/logs", withIntermediateDirectories: true)
            for name in ["report.json", "logs/mine.log"] {
                try "mine".write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            let first = try ReportFolder(in: folder, kind: "run", startedAt: time)
            let second = try ReportFolder(in: folder, kind: "run", startedAt: time)
            try second.write(makeReport())
            #expect(second.path == first.path + "-2")
            #expect(text(of: "\(folder)/report.json") == "mine" && text(of: "\(folder)/logs/mine.log") == "mine")
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/latest")
            #expect(link == "run-20260101-123456-2")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 5)
        }
    }

    @Test func aFolderThatIsNamedLatestStays() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/latest", withIntermediateDirectories: true)
            _ = try ReportFolder(in: folder, kind: "run", startedAt: time)
            #expect(throws: (any Error).self) {
                try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/latest")
            }
        }
    }

    @Test func whatAnInterruptedCommandLeftIsKept() throws {
        try withFolder { folder in
            let first = try ReportFolder("cell", inside: folder)
            try first.write("old", to: "log")
            let second = try ReportFolder("cell", inside: folder)
            #expect(second.path == first.path)
            #expect(text(of: "\(folder)/cell.1/log") == "old")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/cell/log"))
        }
    }

    @Test(arguments: [
        ("{}", "not a report.json"), ("[", "not a report.json"), (#"{"format":2,"kind":"run"}"#, "not a report.json"),
        (#"{"schema":1,"kind":"run"}"#, "kind 'run' in format 1; this command reads format 2: make it again"),
        (#"{"format":99,"kind":"scale"}"#, "format 99"),
    ])
    func anotherFileIsRefusedWithItsReason(content: String, reason: String) throws {
        try withFolder { folder in
            try content.write(toFile: "\(folder)/report.json", atomically: true, encoding: .utf8)
            #expect {
                try Report.read(folder)
            } throws: { error in
                (error as? ReportError)?.description.contains(reason) == true
            }
        }
        #expect(throws: ReportError.self) { try Report.read("/nonexistent/report.json") }
    }
}
