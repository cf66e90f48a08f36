# The component alone, run by a user who may do nothing else. Built from the top of the project:
#   docker build --file deploy/docker/groupchat.Dockerfile --tag xmpp-groupchat .
# The configuration is expected at /etc/xmpp-groupchat/groupchat.toml; settings may be given in the environment instead.

FROM rust:1.94.0-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN deploy/build.sh /out

FROM debian:12.11-slim
RUN useradd --system --uid 10347 --home-dir /var/lib/xmpp-groupchat --create-home xmpp-groupchat
COPY --from=build /out/xmpp-groupchat /usr/local/bin/xmpp-groupchat
COPY deploy/groupchat.toml /etc/xmpp-groupchat/groupchat.toml
USER xmpp-groupchat
WORKDIR /var/lib/xmpp-groupchat
VOLUME /var/lib/xmpp-groupchat
HEALTHCHECK --interval=15s --timeout=10s --start-period=20s \
    CMD ["xmpp-groupchat", "health", "--config", "/etc/xmpp-groupchat/groupchat.toml"]
ENTRYPOINT ["xmpp-groupchat"]
CMD ["run", "--config", "/etc/xmpp-groupchat/groupchat.toml"]
