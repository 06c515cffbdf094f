import Testing
import Wire

@testable import Broker

@Suite struct FrameHeadTests {
    @Test func logFrame() {
        let frame = Array("id: 17.k3f9\ndata: {}\n\n".utf8)
        #expect(FrameHead.read(frame) == .log(Position(offset: 17, epoch: "k3f9")))
    }
}
