import Foundation
import TestSupport
import Testbed

private func incrementalFile(_ redis: Node) throws -> String {
    let folder = (redis.directory ?? "") + "/appendonlydir"
    let name = try FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".incr.aof") }
    return folder + "/" + (name ?? "missing")
}

/// The length of the append-only file.
func fileSize(_ redis: Node) async throws -> UInt64 {
    let attributes = try FileManager.default.attributesOfItem(atPath: incrementalFile(redis))
    return (attributes[.size] as? UInt64) ?? 0
}

/// Cuts the append-only file of a stopped Redis, as if the rest had never reached the disk.
func truncateFile(_ redis: Node, to size: UInt64) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: incrementalFile(redis)))
    try file.truncate(atOffset: size)
    try file.close()
}
