import Testing

/// The services around a real Redis. One test after the other: each runs two services and many sockets in this process.
@Suite(.serialized, .timeLimit(.minutes(3))) enum IntegrationTests {}
