# One image with every binary: `docker build --target service`; the gateway: `--target gateway`. The Orchestrator's image adds the Redis that it starts for
# itself and the charts of its report: `--target laboratory`.

FROM swift:6.3-bookworm AS build
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libhiredis-dev libpq-dev libsodium-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Dependencies change less often than sources: they are a layer of their own.
COPY Package.swift Package.resolved* ./
RUN swift package resolve
COPY Sources ./Sources
# The manifest names the tests and the benchmarks, so their folders must exist.
COPY Tests ./Tests
COPY Benchmarks ./Benchmarks
# Six binaries share Foundation and its 40 MB of Unicode tables as libraries; linked in, each would bring its own.
RUN swift build -c release -Xlinker -s \
    && mkdir /binaries /libraries \
    && find .build/release/ -maxdepth 1 -type f -executable ! -name '*.so' ! -name '*Bench' -exec cp -t /binaries {} + \
    && ldd /binaries/* | awk '$3 ~ "/swift/linux/" { print $3 }' | sort -u | xargs cp -L -t /libraries

FROM debian:bookworm-slim AS base
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libhiredis0.14 libpq5 libsodium23 libstdc++6 libvips-tools zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --no-create-home chorus
COPY scripts/http-probe.sh /usr/local/bin/http-probe
COPY --from=build /libraries/ /usr/local/lib/
COPY --from=build /binaries/ /usr/local/bin/
# A library that is missing stops the build here, not a service at its start.
RUN ldconfig && ! ldd /usr/local/bin/[A-Z]* | grep 'not found'

FROM base AS laboratory
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libjs-chart.js redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o chorus -g chorus /report
USER chorus
VOLUME /report
ENTRYPOINT ["Orchestrator"]
CMD ["run", "--preset", "reference", "--out", "/report"]

# For Kubernetes; docker-compose mounts the same files into nginx's own image.
FROM nginx:1.28-bookworm AS gateway
COPY deploy/gateway /gateway
COPY web/app /app
USER nginx
EXPOSE 8080 8443
CMD ["sh", "/gateway/gateway.sh", "run"]

FROM base AS service
COPY web /usr/local/share/chorus/web
# A new volume takes its owner from here.
RUN install -d -o chorus -g chorus /media
ENV WEB_FOLDER=/usr/local/share/chorus/web
USER chorus
CMD ["CommentAPI"]
