/// The tables of Chorus, step by step.
public enum Schema {
    public static let migrations = [comments, likes]

    private static let comments = Migration(version: 1, name: "comments", script: commentsScript)
    private static let likes = Migration(version: 2, name: "likes", script: likesScript)
}
