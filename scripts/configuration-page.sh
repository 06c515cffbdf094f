#!/usr/bin/env bash
# Writes docs/CONFIGURATION.md: every service prints the settings that it reads. Needs a debug build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

binaries=$(swift build --show-bin-path)
{
    cat <<'TEXT'
# Configuration

Written by `make docs`, from what each service prints with `--print-configuration`.

Every key is an environment variable and a command line option: `READER_LOOPS=2`, or `--reader-loops 2`; the option wins. A
value that cannot be read is an error at start that names the key. All errors are shown together, and the exit code is 64.

What may hold a password is never shown, and may stand in a file: `REDIS_URL_FILE=/run/secrets/redis-url` is read
whole, 64 KiB at most, but for a line break at its end. Since everybody on a machine can read the arguments of its processes,
`--redis-url` takes an address without a password only, and `--redis-url-file` any.

TEXT
    for service in CommentAPI LikeAPI ReaderAPI StatsAPI SocialAPI; do
        "$binaries/$service" --print-configuration
        echo
    done
} | cat -s >docs/CONFIGURATION.md.new
mv docs/CONFIGURATION.md.new docs/CONFIGURATION.md
