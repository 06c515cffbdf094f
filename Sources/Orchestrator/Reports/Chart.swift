/// A plot of the page. The script of the page turns it into a Chart.js configuration.
struct Chart: Encodable, Equatable, Sendable {
    enum Kind: String, Encodable, Sendable {
        /// Points joined by lines.
        case line
        case scatter
        /// One bar a label and series; the points' `x` is the label's index.
        case bar
    }

    struct Point: Encodable, Equatable, Sendable {
        var x: Double
        var y: Double
    }

    struct Series: Encodable, Equatable, Sendable {
        var name: String
        var points: [Point]
        /// Drawn as points in a line chart: a measurement beside the theory's line.
        var pointsOnly = false
        /// Which of the page's colours, so that a measurement has that of its theory; in turn if `nil`.
        var colour: Int?
        /// A line with its points marked: a measurement without a theory.
        var showsPoints = false
    }

    var title: String
    var kind: Kind
    var xTitle = ""
    var yTitle = ""
    var labels: [String] = []
    var series: [Series]

    /// Bars: one value a label.
    static func bars(_ title: String, yTitle: String, labels: [String], _ series: [(name: String, values: [Double])])
        -> Chart
    {
        Chart(
            title: title, kind: .bar, yTitle: yTitle, labels: labels,
            series: series.map { name, values in
                Series(name: name, points: values.enumerated().map { Point(x: Double($0.offset), y: $0.element) })
            })
    }
}
