import Audience
import Testing
import Wire

@testable import SimClient

@Suite struct CoordinationTests {
    @Test func writesOneObjectALine() {
        #expect(
            SwarmMessage.connected(viewers: 5, failed: 1, seconds: 0.5).line
                == #"{"event":"connected","failed":1,"seconds":0.5,"viewers":5}"#)
        #expect(
            SwarmMessage.progress(second: 2, delivered: 10, acknowledged: 3).line
                == #"{"acknowledged":3,"delivered":10,"event":"progress","second":2}"#)
    }

    @Test func readsOrders() {
        #expect(GeneratorOrder(line: "start") == .start)
        #expect(GeneratorOrder(line: " start\r") == .start)
        var comments = ChannelComments()
        comments.acknowledge(Position(offset: 57, epoch: "k3f9"), digest: .max, microseconds: 5)
        comments.acknowledge(Position(offset: 3, epoch: "zz"), digest: 8, microseconds: 6)
        comments.leaveOpen(9)
        #expect(
            GeneratorOrder(line: #"{"expect":{"video:v1":\#(JSONLine.text(comments))}}"#)
                == .expect(["video:v1": comments])
        )
        #expect(GeneratorOrder(line: "stop") == .stop)
        #expect(GeneratorOrder(line: #"{"expect":{}}"#) == .expect([:]))
        let stage = LoadStage(rate: 7.5, churn: 0.06)
        #expect(GeneratorOrder(line: #"{"stage":{"churn":0.06,"rate":7.5}}"#) == .stage(stage))
        #expect(GeneratorOrder(line: #"{"stage":{"churn":0.06}}"#) == nil)
    }

    @Test(arguments: [
        "", "halt", "{}", #"{"expect":{"video:v1":[]}}"#, #"{"expect":{"video:v1":"57"}}"#, #"{"expect":7}"#,
        #"{"expect":{"video:v1":{"acknowledged":1,"forgotten":0,"numbers":[],"unplaced":[],"#
            + #""epochs":[{"name":"a","since":1,"last":1,"comments":"AAAA"}]}}}"#,
    ])
    func refusesWhatIsNoOrder(line: String) {
        #expect(GeneratorOrder(line: line) == nil)
    }
}

@Suite struct LoadWindowTests {
    @Test func saysWhenTheGeneratorWasTheLimit() {
        let idle = LoadWindow(
            seconds: 10, viewersBusySeconds: 5, publisherBusySeconds: 1, ticks: 500, lateTicks: 5)
        #expect(!idle.isLimit)
        #expect(idle.busyShare == 0.5)
        var busy = idle
        busy.publisherBusySeconds = 9.5
        #expect(busy.isLimit)
        var late = idle
        late.lateTicks = 6
        #expect(late.isLimit)
    }
}
