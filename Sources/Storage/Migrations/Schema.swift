/// The tables of Chorus, step by step.
public enum Schema {
    public static let migrations = [
        Migration(version: 1, name: "comments", script: commentsScript),
        Migration(version: 2, name: "likes", script: likesScript),
        Migration(version: 3, name: "outbox", script: outboxScript),
        Migration(version: 4, name: "like_versions", script: likeVersionsScript),
        Migration(version: 5, name: "comments_history", script: commentsHistoryScript),
        Migration(version: 6, name: "accounts", script: accountsScript),
        Migration(version: 7, name: "social", script: socialScript),
        Migration(version: 8, name: "comments_on_posts", script: postCommentsScript),
        Migration(version: 9, name: "comments_by_channel", outsideTransaction: commentsByChannelStatements),
        Migration(version: 10, name: "feed", script: feedScript),
        Migration(version: 11, name: "erasure", script: erasureScript),
        Migration(version: 12, name: "rows_of_users", outsideTransaction: rowsOfUsersStatements),
        Migration(
            version: 13, name: "trigrams", needsExtension: "pg_trgm", by: "CREATE EXTENSION IF NOT EXISTS pg_trgm"),
        Migration(version: 14, name: "search", outsideTransaction: searchStatements),
        Migration(version: 15, name: "moderation", script: moderationScript),
        Migration(version: 16, name: "visibility", script: visibilityScript),
    ]
}
