@main struct SimClientMain { static func main() {} }
