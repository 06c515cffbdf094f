import Audience

extension DrillReport: Report {
    var outcome: String { "Verdict: \(verdict.reason) (exit code \(verdict.status.rawValue))." }

    /// For a terminal.
    func summary() -> String {
        let tables = DrillTables(report: self)
        let timelines = passes.map { pass in
            (pass.name.isEmpty ? "" : "\(pass.name):\n") + tables.timeline(pass).plain()
                + (pass.changes == nil ? "" : "\n" + tables.changes(pass).plain())
        }
        return ([drill.story] + timelines + [tables.summary.plain(), outcome]).joined(separator: "\n") + "\n"
    }

    func markdown() -> String {
        let tables = DrillTables(report: self)
        var text = "# Drill \(drill.rawValue)\n\n\(drill.story)\n\n\(outcome)\n\n\(tables.summary.markdown())"
        for pass in passes {
            let suffix = pass.name.isEmpty ? "" : ", \(pass.name)"
            text += "\n## Timeline\(suffix)\n\n\(tables.timeline(pass).markdown())"
            if pass.changes != nil { text += "\n## Who moved\(suffix)\n\n\(tables.changes(pass).markdown())" }
            text += "\n## Numbers\(suffix)\n\n\(tables.details(pass).markdown())"
        }
        let notes = notes.map { "- \($0)\n" }.joined()
        return text + "\n## Conditions\n\n\(notes)- \(software.build) build, commit \(software.commit ?? "-"),"
            + " \(machine.cores) cores, \(machine.processor), \(machine.kernel)\n- Repeat it with `\(command)`\n"
    }

    /// The timeline, ten lines a second.
    func csv() -> String {
        var file = CSV([
            "pass", "seconds", "acknowledged", "delivered", "away", "behind", "whole_through", "attempts", "connects",
        ])
        for pass in passes {
            for sample in pass.samples {
                file.add([
                    pass.name, "\(sample.seconds)", "\(sample.acknowledged)", "\(sample.delivered)", "\(sample.away)",
                    "\(sample.behind)", "\(sample.wholeThrough)", "\(sample.attempts)", "\(sample.connects)",
                ])
            }
        }
        return file.text
    }

    func page() -> Page {
        let tables = DrillTables(report: self)
        var page = Page(title: "Drill \(drill.rawValue)", conclusion: "\(drill.story) \(outcome)")
        page.charts = [
            chart("Viewers that are not connected", "viewers") { $0.map { Double($0.away) } },
            chart("Viewers that lack something", "viewers") { $0.map { Double($0.behind) } },
            chart("Deliveries", "a second") { DrillReport.rates($0, \.delivered) },
            chart("Accepted connections", "a second") { DrillReport.rates($0, \.connects) },
        ]
        page.tables = [Page.Table(title: "Outcome", table: tables.summary)]
        for pass in passes {
            let suffix = pass.name.isEmpty ? "" : ", \(pass.name)"
            page.tables.append(Page.Table(title: "Timeline\(suffix)", table: tables.timeline(pass)))
            if pass.changes != nil {
                page.tables.append(Page.Table(title: "Who moved\(suffix)", table: tables.changes(pass)))
            }
            page.tables.append(Page.Table(title: "Numbers\(suffix)", table: tables.details(pass)))
        }
        page.footer = command
        return page
    }

    private func chart(_ title: String, _ unit: String, _ values: ([Sample]) -> [Double]) -> Chart {
        let series = passes.map { pass in
            Chart.Series(
                name: pass.name.isEmpty ? title : pass.name,
                points: zip(pass.samples, values(pass.samples)).map { Chart.Point(x: $0.seconds, y: $1) })
        }
        return Chart(
            title: title, kind: .line, xTitle: "s since publishing began", yTitle: unit, series: series)
    }

    private static func rates(_ samples: [Sample], _ count: KeyPath<Sample, Int>) -> [Double] {
        samples.indices.map { index in
            guard index > 0 else { return 0 }
            let seconds = samples[index].seconds - samples[index - 1].seconds
            return seconds > 0
                ? Double(samples[index][keyPath: count] - samples[index - 1][keyPath: count]) / seconds : 0
        }
    }
}
