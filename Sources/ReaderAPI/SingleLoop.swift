import NIOCore
import NIOPosix

/// One event loop for a Reader's HTTP connections that runs its tasks too.
///
/// For a Reader with one loop of viewers, which shares its machine with others: a connect goes between three threads
/// otherwise, and takes a sixth more processor time. With two loops or more there is no gain.
enum SingleLoop {
    /// Before the first HTTP connection, incoming or outgoing: a loop group that is there already stays as large as it is.
    static func install() {
        NIOSingletons.groupLoopCountSuggestion = 1
        _ = NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
    }
}
