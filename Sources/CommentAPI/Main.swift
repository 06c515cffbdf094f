@main struct CommentAPIMain { static func main() {} }
