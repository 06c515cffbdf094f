@main struct ReaderAPIMain { static func main() {} }
