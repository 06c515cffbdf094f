import Testing

/// The built binaries on the loopback, with a Redis of their own. One test after the other: each starts processes.
@Suite(.serialized, .timeLimit(.minutes(3))) enum EndToEndTests {}
