/// A plot of the page. The script of the page turns it into a Chart.js configuration.
public struct Chart: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// Points joined by lines.
        case line
        /// One bar a label and series; the points' `x` is the label's index.
        case bar
    }

    public struct Point: Codable, Equatable, Sendable {
        public var x: Double
        public var y: Double

        public init(x: Double, y: Double) { (self.x, self.y) = (x, y) }
    }

    public struct Series: Codable, Equatable, Sendable {
        public enum Style: String, Codable, Sendable {
            case line
            /// A line with its points marked: a measurement without a theory.
            case markedLine
            /// A measurement beside the theory's line.
            case points
        }

        public var name: String
        public var points: [Point]
        public var style: Style
        /// Which of the page's colours, so that a measurement has that of its theory; in turn if `nil`.
        public var colour: Int?

        public init(_ name: String, _ points: [Point], style: Style = .line, colour: Int? = nil) {
            self.name = name
            self.points = points
            self.style = style
            self.colour = colour
        }
    }

    public var title: String
    public var kind: Kind
    public var xTitle: String
    public var yTitle: String
    public var labels: [String] = []
    /// For percentiles: `x` is 1 / (1 - percentile / 100), so that each nine takes as much room; `nil` in other charts.
    public var isOfPercentiles: Bool?
    public var series: [Series]

    /// Lines and points; series without a point are left out.
    public init(_ title: String, kind: Kind = .line, x: String, y: String, _ series: [Series]) {
        self.title = title
        self.kind = kind
        xTitle = x
        yTitle = y
        self.series = series.filter { !$0.points.isEmpty }
    }

    /// Bars: one value a label.
    public init(bars title: String, x: String = "", y: String, labels: [String], _ series: [(String, [Double])]) {
        self.init(
            title, kind: .bar, x: x, y: y,
            series.map { name, values in
                Series(name, values.enumerated().map { Point(x: Double($0.offset), y: $0.element) })
            })
        self.labels = labels
    }
}

extension Chart.Series {
    fileprivate func named(_ name: String) -> Self {
        var series = self
        series.name = name
        return series
    }

    /// Bars at their own labels among others.
    fileprivate func moved(_ labels: [String], to all: [String]) -> [Chart.Point] {
        zip(labels, points).compactMap { label, point in
            all.firstIndex(of: label).map { Chart.Point(x: Double($0), y: point.y) }
        }
    }
}

extension Chart {
    /// Charts of one title in one, with the series of every run; bars of a label stand beside each other.
    static func together(_ runs: [(name: String, charts: [Chart])]) -> [Chart] {
        runs.flatMap(\.charts).map(\.title).unique().compactMap { title in
            let charts = runs.compactMap { name, charts in charts.first { $0.title == title }.map { (name, $0) } }
            guard var whole = charts.first?.1 else { return nil }
            whole.labels = charts.flatMap(\.1.labels).unique()
            whole.series = []
            for (number, (name, chart)) in charts.enumerated() {
                for series in chart.series {
                    // A theory is the same for all.
                    if let same = whole.series.firstIndex(where: {
                        $0.points == series.points && $0.style == .line && $0.name.hasSuffix(": \(series.name)")
                    }) {
                        whole.series[same].name = series.name
                        continue
                    }
                    whole.series.append(series.named("\(name): \(series.name)"))
                    let isAlone = chart.series.count == 1 || series.colour != nil
                    let last = whole.series.count - 1
                    whole.series[last].colour = isAlone ? number : nil
                    if whole.kind == .bar { whole.series[last].points = series.moved(chart.labels, to: whole.labels) }
                }
            }
            return whole
        }
    }
}

/// Which Reader subscribes to which channel: the picture of the flaw, and of its absence.
public struct SubscriptionMap: Codable, Equatable, Sendable {
    /// Channels in a map; of more, every n-th is shown.
    public static let channelsMax = 400

    public var title: String
    public var channels: [String]
    /// Top to bottom.
    public var readers: [String]
    /// For each Reader one character a channel: `1` where it subscribes, `0` where not.
    public var rows: [String]

    public init(title: String, channels: [String], readers: [String], rows: [String]) {
        self.title = title
        self.channels = channels
        self.readers = readers
        self.rows = rows
    }

    /// Part of the cells that are filled, 0 to 1.
    public var filledShare: Double {
        let cells = channels.count * readers.count
        let filled = rows.reduce(0) { $0 + $1.utf8.count { $0 == UInt8(ascii: "1") } }
        return cells > 0 ? Double(filled) / Double(cells) : 0
    }

    /// Ranges of `1` in a row of a map.
    public static func runs(of row: String) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for (index, byte) in (Array(row.utf8) + [UInt8(ascii: "0")]).enumerated() {
            if byte == UInt8(ascii: "1") {
                start = start ?? index
            } else if let first = start {
                runs.append(first..<index)
                start = nil
            }
        }
        return runs
    }
}
