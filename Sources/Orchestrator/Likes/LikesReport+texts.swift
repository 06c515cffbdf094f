import Audience

extension LikesReport: Report {
    var sentence: String { "Verdict: \(verdict.reason) (exit code \(verdict.status.rawValue))." }

    var story: String {
        drill?.story ?? "\(Figure.grouped(settings.users)) users like \(settings.photos.joined(separator: ", "))."
    }

    /// For a terminal.
    func summary() -> String {
        let timeline = marks.isEmpty ? "" : LikesTables.timeline(self).plain()
        return [
            story, timeline, LikesTables.photos(outcome).plain(), LikesTables.requests(outcome).plain(),
            LikesTables.costs(self).plain(), sentence,
        ].filter { !$0.isEmpty }.joined(separator: "\n") + "\n"
    }

    func markdown() -> String {
        var text = "# \(title)\n\n\(story)\n\n\(sentence)\n"
        for (name, table) in tables { text += "\n## \(name)\n\n\(table.markdown())" }
        let notes = notes.map { "- \($0)\n" }.joined()
        return text + "\n## Conditions\n\n\(notes)- \(software.build) build, commit \(software.commit ?? "-"),"
            + " \(machine.cores) cores, \(machine.processor), \(machine.kernel)\n- Repeat it with `\(command)`\n"
    }

    /// The timeline, ten lines a second.
    func csv() -> String {
        var file = CSV(["seconds", "acknowledged", "refused", "unanswered", "under_way", "updates"])
        for sample in samples {
            file.add([
                "\(sample.seconds)", "\(sample.acknowledged)", "\(sample.refused)", "\(sample.unanswered)",
                "\(sample.underWay)", "\(sample.updates)",
            ])
        }
        return file.text
    }

    func page() -> Page {
        var page = Page(title: title, conclusion: "\(story) \(sentence)")
        page.charts = [
            chart("Likes acknowledged", "a second", rate(\.acknowledged)),
            chart("Requests refused or without an answer", "a second", rate { $0.refused + $0.unanswered }),
            chart("Users who wait for an answer", "users", samples.map { Double($0.underWay) }),
            chart("Counts that viewers got", "a second", rate(\.updates)),
        ]
        page.tables = tables.map { Page.Table(title: $0.0, table: $0.1) }
        page.footer = command
        return page
    }

    private var title: String { drill.map { "Drill \($0.rawValue)" } ?? "Likes" }

    private var tables: [(String, TextTable)] {
        var tables = [("Truth", LikesTables.photos(outcome)), ("Likes", LikesTables.requests(outcome))]
        if !marks.isEmpty { tables.insert(("Timeline", LikesTables.timeline(self)), at: 0) }
        return tables + [("Costs", LikesTables.costs(self))]
    }

    /// Over a second each: samples come ten times as often.
    private func rate(_ count: (Sample) -> Int) -> [Double] {
        samples.indices.map { index in
            let before = samples[max(0, index - 10)]
            let seconds = samples[index].seconds - before.seconds
            return seconds > 0 ? Double(count(samples[index]) - count(before)) / seconds : 0
        }
    }

    private func chart(_ title: String, _ unit: String, _ values: [Double]) -> Chart {
        // A page needs no more points than a screen has.
        let step = max(1, samples.count / 1_500)
        let points = stride(from: 0, to: samples.count, by: step).map {
            Chart.Point(x: samples[$0].seconds, y: values[$0])
        }
        return Chart(
            title: title, kind: .line, xTitle: "s since the first like", yTitle: unit,
            series: [Chart.Series(name: title, points: points)])
    }
}
