import Glibc
import Testing

@testable import Primitives

private let turn = Mutex(())

struct StandardStreamsTests {
    /// A pipe holds 64 KiB: lines of that length are written in parts while others write too.
    @Test func longLinesOfSeveralWritersStayWhole() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (source, target) = (ends[0], ends[1])
        defer { close(source) }
        let lines = Task {
            var bytes: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 16_384)
            while true {
                let count = read(source, &part, part.count)
                guard count > 0 else { break }
                bytes += part[..<count]
            }
            return bytes.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        }
        await withTaskGroup(of: Void.self) { group in
            for letter in "abc" {
                group.addTask {
                    let line = String(repeating: letter, count: 100_000) + "\n"
                    for _ in 0..<20 { #expect(emit(line, to: target, turn) == nil) }
                }
            }
        }
        close(target)
        let found = await lines.value
        #expect(found.count == 60)
        #expect(found.allSatisfy { $0.count == 100_000 && Set($0).count == 1 })
    }
}
