# syntax=docker/dockerfile:1
# One program with everything inside it, on an image without a shell.
#   docker build -t tollkeeper --build-arg TOLLKEEPER_COMMIT="$(git rev-parse HEAD)" .
#   docker run -p 127.0.0.1:3000:3000 -v tollkeeper:/data tollkeeper

FROM rust:1.95.0-bookworm AS build
WORKDIR /src
# The toolchain's parts first: they change less often than the sources.
COPY rust-toolchain.toml ./
RUN rustup toolchain install && rustup target add wasm32-unknown-unknown
COPY . .
# Shown on the page System, which says nothing of them when they are not given.
ARG TOLLKEEPER_COMMIT
ARG SOURCE_DATE_EPOCH
# What was downloaded and compiled is kept between two builds, beside the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo xtask web \
    && cargo build --release --locked --package server \
    && install -D target/release/tollkeeper /out/usr/local/bin/tollkeeper \
    && install -d -m 0700 /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/usr/local/bin/tollkeeper /usr/local/bin/tollkeeper
# A number and not a name, so that whoever forbids root can see that it is none.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
ENV LISTEN=0.0.0.0:3000 \
    DATABASE_URL=sqlite:///data/tollkeeper.db
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/tollkeeper", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/tollkeeper"]
CMD ["serve"]
