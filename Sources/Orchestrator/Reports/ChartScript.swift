import Foundation

/// Chart.js as Debian's `libjs-chart.js` installs it.
enum ChartScript {
    static let places = [
        "/usr/share/javascript/chart.js/chart.min.js", "/usr/share/javascript/chart.js/Chart.min.js",
        "/usr/share/javascript/chart.js/chart.js", "/usr/share/nodejs/chart.js/dist/chart.min.js",
        "/usr/share/nodejs/chart.js/dist/chart.js",
    ]

    /// Its text.
    ///
    /// - Throws: ``Failure/missing(_:)`` with the package that brings it.
    static func load(from places: [String] = ChartScript.places) throws(Failure) -> String {
        for place in places {
            if let text = try? String(contentsOfFile: place, encoding: .utf8) { return text }
        }
        throw .missing(
            "Chart.js was not found, so that report.html has no plots: install it with 'apt-get install libjs-chart.js'"
        )
    }
}
