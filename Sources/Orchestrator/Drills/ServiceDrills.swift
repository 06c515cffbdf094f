import Broker
import RedisNIO
import Report
import Testbed
import Wire

/// Readers, and their viewers and subscriptions.
extension Drill {
    static let killReader = Drill(
        name: "kill-reader", story: "A Reader dies by SIGKILL; its viewers go on at the others.", movesViewers: true,
        strike: loseAReader)

    static let reconnectStorm = Drill(
        name: "reconnect-storm",
        story: "A Reader dies, and all its viewers come back: at once, and with the clients' jitter.",
        movesViewers: true,
        passes: [DrillPass(name: "at once", swarm: ["--reconnect-at-once"]), DrillPass(name: "jittered")],
        strike: loseAReader)

    private static let loseAReader: Strike = { await $0.end($0.victim, gently: false) }

    static let drainReader = Drill(
        name: "drain-reader", story: "A Reader gets SIGTERM and moves its viewers to the others.", isDrain: true,
        movesViewers: true, arrange: { setup, _ in setup.environment["DRAIN_SECONDS"] = "5" }
    ) { await $0.end($0.victim, gently: true) }

    static let rollingRestart = Drill(
        name: "rolling-restart", story: "Every Reader in turn is stopped gently and started again.", isDrain: true,
        arrange: { setup, _ in setup.environment["DRAIN_SECONDS"] = "2" }
    ) { fault in
        fault.tell(.begin, "the first Reader is stopped")
        for reader in fault.services.readers {
            fault.tell(.step, "SIGTERM to \(reader.name)")
            try await reader.restart()
        }
        fault.tell(.end, "the last Reader is ready again")
    }

    static let cutSubscriber = Drill(
        name: "cut-subscriber", story: "Redis cuts the subscriber connections of all Readers.", redis: .server
    ) { fault in
        fault.tell(.begin, "CLIENT KILL TYPE pubsub")
        let cut = Int(try await fault.redis("CLIENT", "KILL", "TYPE", "pubsub").integer ?? 0)
        fault.note("subscribers cut", cut, needed: 1...Int.max)
        fault.tell(.end, "\(cut) subscribers are cut")
    }

    /// The victim's own probe channel carries the load: only its buffer fills.
    static let bufferLimit = Drill(
        name: "buffer-limit",
        story: "A Reader stands still until Redis cuts its subscriber at the limit of its output buffer.",
        redis: .server
    ) { fault in
        let (victim, limit) = (fault.victim, "pubsub 262144 0 0")
        try await fault.redis("CONFIG", "SET", "client-output-buffer-limit", limit)
        fault.tell(.begin, "SIGSTOP to \(victim.name), client-output-buffer-limit \(limit)")
        victim.pause()
        let load = String(repeating: "x", count: 256 << 10)
        // The drill's Redis is its own: there is no namespace.
        let channel = ChannelNames(namespace: nil).probe(of: victim.name)
        var isCut = false
        for _ in 0..<200 where !isCut {
            // Redis 7.0 does not count those that it cuts; a message that nobody gets says it too.
            isCut = try await fault.redis("PUBLISH", channel, load).integer == 0
        }
        fault.tell(.step, isCut ? "Redis has cut the subscriber" : "Redis has not cut the subscriber")
        // Comments go on meanwhile: the Reader has something to repair.
        try await Task.sleep(for: .seconds(1))
        victim.resume()
        fault.note("subscribers cut", isCut ? 1 : 0, needed: 1...1)
        fault.tell(.end, "SIGCONT to \(victim.name)")
    }

    static let slowViewers = Drill(
        name: "slow-viewers", story: "One viewer in a hundred never reads; the others do not notice.",
        arrange: { setup, settings in
            setup.environment = ["READER_BACKLOG_BYTES": "131072", "READER_SEND_BUFFER_BYTES": "16384"]
            setup.swarm += ["--slow-share", Format.plain(settings.slowShare), "--comment-bytes", "600"]
            setup.notes.append(
                "Comments of 600 bytes: so that a viewer who does not read is over its limit within seconds. Those viewers"
                    + " are not audited.")
        }
    ) { fault in
        // They did not read from the beginning; the time is what the Readers need to notice.
        fault.tell(.begin, "some viewers do not read")
        try await Task.sleep(for: .seconds(8))
        let readers = try await fault.statistics().readerApis.readers
        let cut = readers.reduce(0) { $0 + ($1.disconnects["slow_consumer"] ?? 0) }
        fault.note("viewers cut for being slow", cut, needed: 1...Int.max)
        fault.tell(.end, "the others are looked at")
    }

    static let killCommentAPI = Drill(
        name: "kill-comment-api", story: "One of two CommentAPIs dies by SIGKILL and comes back after 2 s.",
        arrange: { setup, _ in setup.commentAPIs = 2 }
    ) { try await $0.kill($0.services.commentAPIs[0], for: .seconds(2)) }
}

/// LikeAPIs and their workers.
extension Drill {
    static let killLikeAPI = Drill(
        name: "kill-like-api", story: "One of two LikeAPIs dies by SIGKILL and comes back after 2 s.", crowd: .likes
    ) { try await $0.kill($0.services.likeAPIs[0], for: .seconds(2)) }

    static let killWorker = Drill(
        name: "kill-worker",
        story: "A worker dies by SIGKILL in the middle of its work, twice; the other takes over what it had.",
        crowd: .likes, mustGoUnnoticed: true,
        arrange: { setup, _ in
            setup.workers = 2
            setup.environment["LIKE_CLAIM_MS"] = "1000"
        }
    ) { try await $0.kill($0.services.workers[0], for: .seconds(3), times: 2) }
}
