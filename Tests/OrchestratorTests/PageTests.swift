import Audience
import Foundation
import Placement
import Testing

@testable import Orchestrator

struct PageTests {
    @Test func thePageNeedsNoOtherFile() throws {
        let html = makeReport().page().html(script: "/* the library */")
        #expect(html.hasPrefix("<!doctype html>"))
        #expect(html.contains("<script>/* the library */</script>"))
        for outside in ["src=", "href=", "http:", "https:", "@import", "url("] { #expect(!html.contains(outside)) }
        #expect(html.contains("canvas id=\"chart-0\""))
        #expect(html.components(separatedBy: "<table>").count == html.components(separatedBy: "</table>").count)
    }

    @Test func whatIsShownCannotBecomeMarkup() {
        var page = Page(title: "<b>&\"", conclusion: "</p><script>alert(1)</script>")
        page.charts = [
            .bars("</script><script>alert(2)</script>", yTitle: "", labels: ["a"], [(name: "b", values: [1])])
        ]
        var table = TextTable([.init("<th>", .left)])
        table.add(["<img src=x>"])
        page.tables = [Page.Table(title: "'", table: table)]
        let html = page.html(script: "var x = '</script>'")
        #expect(html.contains("<title>&lt;b&gt;&amp;&quot;</title>"))
        // The two script elements of the page itself, and no other.
        #expect(html.components(separatedBy: "<script>").count == 3)
        #expect(html.components(separatedBy: "</script>").count == 3)
        #expect(!html.contains("<img"))
    }

    @Test func withoutTheLibraryThePageSaysSo() {
        let html = makeReport().page().html(script: nil)
        #expect(html.contains("libjs-chart.js"))
        #expect(!html.contains("<canvas"))
        #expect(html.contains("<h2>Readers</h2>"))
        #expect(throws: Failure.self) { try ChartScript.load(from: ["/nonexistent/chart.js"]) }
    }

    @Test func chartsCarryWhatWasMeasured() throws {
        let charts = makeReport().page().charts
        #expect(charts.first?.series.first?.points.map(\.y) == [60, 80])
        let theory = try #require(charts.first { $0.series.count == 2 && $0.kind == .line })
        // One viewer alone on one Reader: everything is subscribed there.
        #expect(theory.series[0].points.first == Chart.Point(x: 1, y: 100))
        #expect(theory.series[1].points == [Chart.Point(x: 2, y: 70)])
    }
}

struct SubscriptionMapTests {
    @Test func channelsOnTheirRendezvousReaderAreADiagonal() {
        let names = ["reader-1", "reader-2", "reader-3"]
        let channels = (0..<60).map { "video:v\($0)" }
        let first = Dictionary(grouping: channels) { Rendezvous.order(channel: $0, readers: names)[0] }
        let map = SubscriptionMap(title: "", subscribed: names.map { ($0, first[$0] ?? []) })
        #expect(map.filledShare == 1.0 / 3)
        let runs = map.rows.map { Page.runs(of: $0) }
        #expect(runs.map(\.count) == [1, 1, 1])
        #expect(runs[0][0].lowerBound == 0)
        #expect(runs[0][0].upperBound == runs[1][0].lowerBound)
        #expect(runs[1][0].upperBound == runs[2][0].lowerBound)
    }

    @Test func ofManyChannelsEveryNthIsShown() {
        let all = (0..<1_000).map { "video:v\($0)" }
        let map = SubscriptionMap(title: "", subscribed: [("a", all), ("b", all)])
        #expect(map.channels.count <= SubscriptionMap.channelsMax)
        #expect(map.channels.count > SubscriptionMap.channelsMax / 2)
        #expect(map.rows.allSatisfy { $0.count == map.channels.count })
        #expect(map.filledShare == 1)
    }

    @Test func nothingSubscribedIsAnEmptyMap() {
        #expect(SubscriptionMap(title: "", subscribed: []).filledShare == 0)
        #expect(SubscriptionMap(title: "", subscribed: [("a", [])]).rows == [""])
    }

    @Test(arguments: [("", []), ("000", []), ("1", [0..<1]), ("0110100", [1..<3, 4..<5]), ("0011", [2..<4])])
    func runsOfARow(row: String, runs: [Range<Int>]) {
        #expect(Page.runs(of: row) == runs)
    }
}

struct CSVTests {
    @Test func cellsThatNeedItAreQuoted() {
        var file = CSV(["a", "b"])
        file.add(["1,5", "say \"x\""])
        file.add(["only one"])
        file.add(["1", "2", "3"])
        #expect(file.text == "a,b\n\"1,5\",\"say \"\"x\"\"\"\nonly one,\n1,2\n")
    }
}
