import Foundation
import Testing

@testable import Report

struct RenderingTests {
    @Test func theMarkdownIsWhatPeopleRead() {
        #expect(
            makeReport().markdown() == """
                # Run: <b> & "x"

                All is well.

                Verdict: nothing lost, nothing repeated (exit code 0).

                ## Delivery

                | metric | value |
                | :--- | ---: |
                | lost | 0 |
                | dropped | 0.5% |

                ## Latency

                | metric | value |
                | :--- | ---: |
                | p99 | 20.0 ms |
                | rate | 1,234/s |

                ## Readers

                |  | share |
                | :--- | ---: |
                | reader-1 | 60.0% |
                | reader-2 | 80.0% |

                ## Checks

                | check |  | found |
                | :--- | :--- | :--- |
                | audit | ok | nothing lost, nothing repeated |

                ## Conditions

                | condition | value |
                | :--- | :--- |
                | command | Orchestrator run --viewers 200 --seed 1 |
                | commit, build | 0123456789ab, debug |
                | machine | Test CPU, 2 cores, 8.00 GiB, Linux 6.1, 20000 descriptors |
                | time | 2026-01-01T12:00:00.000Z to  |

                """)
    }

    @Test func aTerminalGetsNoDetails() {
        var report = makeReport(lost: 3)
        report.details = ["Latency"]
        let text = report.text()
        #expect(!text.contains("p99") && text.contains("\nreader-1  60.0%\n"))
        #expect(text.hasSuffix("All is well.\n\nVerdict: 3 lost (exit code 65)."))
        #expect(report.markdown().contains("p99"))
    }

    @Test func manyMetricsOfFewScopesAreRows() {
        let list = MetricList<Int> { list in
            for number in 1...10 { list.count("m\(number)") { $0 * number } }
        }
        let wide = Table.tables(of: list.metrics(of: 1, scope: "a") + list.metrics(of: 2, scope: "b"))
        #expect(wide[0].columns.map(\.title) == ["", "a", "b"])
        #expect(wide[0].rows[9] == ["m10", "10", "20"])
    }

    @Test func thePageNeedsNoOtherFile() throws {
        let font = Data([1, 2, 3])
        let html = makeReport().html(PageAssets(script: "/* the library */", fonts: [(.karla, font)]))
        #expect(html.hasPrefix("<!doctype html>"))
        #expect(html.contains("<script>/* the library */</script>"))
        for outside in ["src=", "href=", "http:", "https:", "@import"] { #expect(!html.contains(outside)) }
        // The font, and no other address.
        #expect(html.components(separatedBy: "url(").count == 2)
        #expect(html.contains("font-family: Karla; font-weight: 200 800; src: url(data:font/woff2;base64,AQID)"))
        #expect(html.contains("canvas id=\"chart-0\""))
        #expect(html.components(separatedBy: "<table>").count == html.components(separatedBy: "</table>").count)
    }

    @Test func whatIsShownCannotBecomeMarkup() {
        var report = makeReport()
        report.summary = "</p><script>alert(1)</script>"
        report.charts = [
            Chart(bars: "</script><script>alert(2)</script>", y: "", labels: ["a"], [("b", [1])])
        ]
        report.tables = [Table("'", [.init("<th>", .left)], rows: [["<img src=x>"]])]
        report.maps = [SubscriptionMap(title: "<b>", channels: ["c"], readers: ["<i>"], rows: ["1"])]
        let html = report.html(PageAssets(script: "var x = '</script>'"))
        #expect(html.contains("<title>Run: &lt;b&gt; &amp; &quot;x&quot;</title>"))
        // The two script elements of the page itself, and no other.
        #expect(html.components(separatedBy: "<script>").count == 3)
        #expect(html.components(separatedBy: "</script>").count == 3)
        #expect(!html.contains("<img") && !html.contains("<i>"))
    }

    @Test func aPageBeginsWithOneSentenceAndItsFigures() {
        var report = makeReport()
        report.summary = "With 5 Readers it is 81.6% (theory says 81.6%). 972 comments came. All is well."
        report.highlights = ["p99", "share", "lost"]
        let html = report.html(PageAssets(script: nil))
        #expect(html.contains("<p class=\"lead\">With 5 Readers it is 81.6% (theory says 81.6%).</p>"))
        #expect(html.contains("<p class=\"summary\">972 comments came. All is well.</p>"))
        // Those of the whole only.
        #expect(html.contains("<dt>p99</dt><dd>20.0 ms</dd></div>\n<div><dt>lost</dt><dd>0</dd>"))
        #expect(!makeReport().html(PageAssets(script: nil)).contains("<dl"))
    }

    /// Whoever opens a page of a failed run looks for the reason.
    @Test func ofAFailedRunTheChecksComeFirst() throws {
        func place(_ text: String, in html: String) throws -> String.Index {
            try #require(html.firstRange(of: text)?.lowerBound)
        }
        let failed = makeReport(lost: 3).html(PageAssets(script: nil))
        #expect(failed.contains("<p class=\"verdict bad\">Verdict: 3 lost (exit code 65).</p>"))
        #expect(failed.contains("<td class=\"bad\">FAILED</td>"))
        #expect(try place("<h2>Checks</h2>", in: failed) < place("<h2>Delivery</h2>", in: failed))
        let fine = makeReport().html(PageAssets(script: nil))
        #expect(fine.contains("class=\"verdict good\"") && !fine.contains("class=\"bad\""))
        #expect(try place("<h2>Checks</h2>", in: fine) > place("<h2>Delivery</h2>", in: fine))
        var empty = makeReport()
        empty.summary = ""
        #expect(empty.html(PageAssets(script: nil)).contains("<h1 class=\"lead\">Run: &lt;b&gt;"))
    }

    /// One look: what the app's sheet says of colours, in both themes, the page says too.
    @Test func thePageHasTheAppsColoursAndFonts() throws {
        let folder = try #require(Checkout.file("web/app/app.css")).replacing("app.css", with: "fonts")
        let app = text(of: folder.replacing("fonts", with: "app.css"))
        for name in ["ground", "text", "quiet", "hairline", "amber", "teal"] {
            func values(_ sheet: String) -> [Substring] {
                sheet.matches(of: try! Regex("--\(name): (#[0-9a-f]{6})", as: (Substring, Substring).self)).map(\.1)
            }
            #expect(values(PageAssets.sheet).count == 2)
            #expect(values(PageAssets.sheet) == values(app))
        }
        let assets = PageAssets(scripts: ["/nonexistent"], fontFolder: folder)
        #expect(assets.fonts.count == 3 && assets.script == nil)
        #expect(PageAssets(scripts: [], fontFolder: nil).style == PageAssets.sheet)
    }

    @Test func withoutTheLibraryThePageSaysSo() throws {
        let html = makeReport().html(PageAssets(script: nil))
        #expect(html.contains("libjs-chart.js"))
        #expect(!html.contains("<canvas"))
        #expect(html.contains("<h2>Readers</h2>"))
        try withFolder { folder in
            let note = try ReportFolder(existing: folder).write(makeReport(), PageAssets(script: nil))
            #expect(note?.contains("libjs-chart.js") == true)
        }
    }

    @Test func everyMetricIsALineOfTheSpreadsheet() {
        let lines = makeReport().csv().split(separator: "\n")
        #expect(lines[0] == "kind,started,group,scope,metric,value,unit,direction")
        #expect(lines[1] == "run,2026-01-01T12:00:00.000Z,Delivery,,lost,0.0,,lowerIsBetter")
        #expect(lines[5] == "run,2026-01-01T12:00:00.000Z,Readers,reader-1,share,60.0,%,neutral")
        #expect(lines.count == 7)
        #expect(makeReport().samplesCSV() == "series,seconds,delivered\npublishing,0.5,10\npublishing,1,25\n")
    }

    @Test func cellsThatNeedItAreQuoted() {
        #expect(CSV.text(["a", "b"], [["1,5", "say \"x\""]]) == "a,b\n\"1,5\",\"say \"\"x\"\"\"\n")
    }

    @Test func everyCheckIsATestCase() throws {
        let xml = makeReport(lost: 2).junit()
        #expect(xml.contains("<testcase classname=\"chorus.run\" name=\"audit\">"))
        #expect(xml.contains("<failure message=\"2 lost\"/>"))
        #expect(xml.contains("tests=\"1\" failures=\"1\""))
        #expect(xml.contains("<property name=\"viewers\" value=\"200\"/>"))
        #expect(!makeReport().junit().contains("<failure"))
    }

    @Test func openMetricsAreInBaseUnits() {
        let lines = makeReport(lost: 2).openMetrics().split(separator: "\n").map(String.init)
        #expect(lines.contains("# TYPE chorus_run_p99_seconds gauge"))
        #expect(lines.contains("# UNIT chorus_run_p99_seconds seconds"))
        #expect(lines.contains("chorus_run_p99_seconds{group=\"Latency\",scope=\"\"} 0.02"))
        #expect(lines.contains("chorus_run_share_ratio{group=\"Readers\",scope=\"reader-2\"} 0.8"))
        #expect(lines.contains("chorus_run_check_passed{check=\"audit\"} 0"))
        #expect(lines.last == "# EOF")
        #expect(lines.filter { $0.hasPrefix("# TYPE chorus_run_share_ratio") }.count == 1)
    }
}

struct SubscriptionMapTests {
    @Test(arguments: [("", []), ("000", []), ("1", [0..<1]), ("0110100", [1..<3, 4..<5]), ("0011", [2..<4])])
    func runsOfARow(row: String, runs: [Range<Int>]) {
        #expect(SubscriptionMap.runs(of: row) == runs)
    }
}

struct TableTests {
    @Test func tablesAlign() {
        var table = Table("", [.init("name", .left), .init("n")])
        table.add(["reader-1", "7"])
        table.add(["b"])
        table.add(["c", "12345", "surplus"])
        #expect(
            table.plain() == """
                name          n
                --------  -----
                reader-1      7
                b
                c         12345

                """)
        #expect(
            table.markdown() == """
                | name | n |
                | :--- | ---: |
                | reader-1 | 7 |
                | b |  |
                | c | 12345 |

                """)
    }

    @Test func markdownEscapesBars() {
        #expect(Table("", [.init("a")], rows: [["x|y"]]).markdown().contains("x\\|y"))
    }

    @Test func numbers() {
        #expect(Format.decimal(1.2345, 2) == "1.23")
        #expect(Format.decimal(0.999, 2) == "1.00")
        #expect(Format.decimal(-0.05, 1) == "-0.1")
        #expect(Format.decimal(-0.001, 1) == "0.0")
        #expect(Format.decimal(12, 0) == "12")
        #expect(Format.decimal(.nan, 1) == "-")
        #expect(Format.decimal(.infinity, 1) == "-")
        #expect(Format.percent(0.8234) == "82.3%")
        #expect(Format.grouped(1_234_567) == "1,234,567")
        #expect(Format.grouped(-123) == "-123")
        #expect(Format.grouped(0) == "0")
        #expect(Format.grouped(nil) == "-")
    }
}
