@main struct StatsAPIMain { static func main() {} }
