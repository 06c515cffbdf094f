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

TEXT
    for service in CommentAPI LikeAPI ReaderAPI StatsAPI; do
        "$binaries/$service" --print-configuration
        echo
    done
} | cat -s >docs/CONFIGURATION.md.new
mv docs/CONFIGURATION.md.new docs/CONFIGURATION.md
