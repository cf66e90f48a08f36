# Debian's Prosody with the configuration beside it, for a trial with docker-compose.yml. Built from the top of the project.

FROM debian:12.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends prosody && rm -rf /var/lib/apt/lists/* \
    && install -d -o prosody -g prosody /run/prosody
COPY deploy/prosody.cfg.lua /etc/prosody/prosody.cfg.lua
# Clients come through the container's own address; the component shares its loopback interface.
RUN sed -i 's/^interfaces = .*/interfaces = { "*" }; component_interfaces = { "127.0.0.1" }/' /etc/prosody/prosody.cfg.lua
COPY deploy/prosody/mod_groupchat_multicast.lua /usr/local/lib/prosody/modules/mod_groupchat_multicast.lua
USER prosody
VOLUME /var/lib/prosody
# Its process is there; whether it serves the component, the component's own check tells.
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["prosodyctl", "status"]
CMD ["prosody", "-F"]
