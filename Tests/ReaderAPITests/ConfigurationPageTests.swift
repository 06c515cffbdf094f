import FoundationEssentials
import ServiceRuntime
import Testing

@testable import ReaderAPI

@Suite struct ConfigurationPageTests {
    /// `make docs` writes the page.
    @Test func thePageSaysWhatTheServiceReads() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/CONFIGURATION.md"), encoding: .utf8)
        let section = ConfigurationTable.markdown(service: "ReaderAPI", ReaderSettings.declarations)
        #expect(page.contains(section))
    }
}
