# One image with every binary: `docker build --target service`. The Orchestrator's image adds the Redis that it starts for
# itself: `--target laboratory`.

FROM swift:6.3-bookworm AS build
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libhiredis-dev libpq-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Dependencies change less often than sources: they are a layer of their own.
COPY Package.swift Package.resolved* ./
RUN swift package resolve
COPY Sources ./Sources
# The manifest names the test targets, so their folders must exist.
COPY Tests ./Tests
RUN swift build -c release --static-swift-stdlib -Xlinker -s \
    && mkdir /binaries \
    && find "$(swift build -c release --static-swift-stdlib -Xlinker -s --show-bin-path)" \
        -maxdepth 1 -type f -executable ! -name '*.so' -exec cp -t /binaries {} +

FROM debian:bookworm-slim AS base
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libhiredis0.14 libpq5 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --no-create-home chorus
COPY scripts/http-probe.sh /usr/local/bin/http-probe
COPY --from=build /binaries/ /usr/local/bin/

FROM base AS laboratory
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o chorus -g chorus /report
USER chorus
VOLUME /report
ENTRYPOINT ["Orchestrator"]
CMD ["run", "--preset", "reference", "--out", "/report"]

FROM base AS service
USER chorus
CMD ["CommentAPI"]
