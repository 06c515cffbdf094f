import Foundation
import TestSupport

private func incrementalFile(_ redis: PrivateRedis) throws -> String {
    let folder = redis.folder + "/appendonlydir"
    let name = try FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".incr.aof") }
    return folder + "/" + (name ?? "missing")
}

/// The length of the append-only file.
func fileSize(_ redis: PrivateRedis) async throws -> UInt64 {
    let attributes = try FileManager.default.attributesOfItem(atPath: incrementalFile(redis))
    return (attributes[.size] as? UInt64) ?? 0
}

/// Cuts the append-only file of a stopped Redis, as if the rest had never reached the disk.
func truncateFile(_ redis: PrivateRedis, to size: UInt64) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: incrementalFile(redis)))
    try file.truncate(atOffset: size)
    try file.close()
}
