import Broker
import SocketLoop
import Wire

@testable import Fanout

/// A channel for tests that need only one.
let channel: Channel = {
    guard let channel = Channel.video("v") else { preconditionFailure("a valid name") }
    return channel
}()

func at(_ offset: UInt64, _ epoch: String = "e") -> Position { Position(offset: offset, epoch: epoch) }
func socket(_ index: some BinaryInteger) -> SocketHandle { SocketHandle(index: UInt32(index), generation: 0) }

/// A message of the log whose text is its offset and epoch, filled up to `bytes`.
func log(_ offset: UInt64, _ epoch: String = "e", bytes: Int = 0) -> Frame {
    let text = "\(offset)\(epoch) "
    let padding = String(repeating: "x", count: max(0, bytes - text.utf8.count))
    return Frame(Array((text + padding).utf8), kind: .log(at(offset, epoch)))
}

func state(_ name: String, _ value: Int) -> Frame {
    Frame(Array("event: \(name)\ndata: \(value)\n\n".utf8), kind: .state)
}

func message(_ offset: UInt64, _ epoch: String = "e") -> BrokerMessage {
    BrokerMessage(channel: channel, position: at(offset, epoch), frame: Array("id: \(offset).\(epoch)\n\n".utf8))
}

func page(
    _ offsets: some Sequence<UInt64>, newest: Position, missing: [ClosedRange<UInt64>] = [], isCut: Bool = false
) -> HistoryPage {
    HistoryPage(
        position: newest,
        entries: offsets.map { HistoryEntry(offset: $0, frame: Array("id: \($0).\(newest.epoch)\n\n".utf8)) },
        missing: missing, isCut: isCut)
}

func text(_ frame: Frame) -> String { String(decoding: frame.bytes, as: UTF8.self) }
