-- A complete small Prosody for a local trial: users of localhost, and the groups beside them.
-- On Debian: copy it to /etc/prosody/prosody.cfg.lua, restart prosody, then `prosodyctl adduser alice@localhost`.
-- On a server that runs already, only the lines between the rulers are needed.

pidfile = "/run/prosody/prosody.pid"
log = { info = "*syslog" }
authentication = "internal_hashed"

-- Loopback only, so passwords may go unencrypted. Take these three lines out for anything but a trial.
interfaces = { "127.0.0.1" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true

-- "offline" keeps messages for members who are away.
modules_enabled = {
	"roster", "saslauth", "tls", "disco", "ping", "pep", "blocklist", "vcard4", "vcard_legacy", "carbons", "smacks",
	"version", "time", "offline",
}
modules_disabled = { "s2s" }
plugin_paths = { "/usr/local/lib/prosody/modules" }

-- ------------------------------------------------------------------ global section
-- Each delivery looks into the receiver's block list; the default of 64 remembered lists is soon too small.
blocklist_cache_size = 10000
-- ---------------------------------------------------------------------------------

VirtualHost "localhost"
-- Optional modules. "groupchat_multicast" is prosody/mod_groupchat_multicast.lua beside this file, to be copied to
-- /usr/local/lib/prosody/modules: the service then sends one stanza for many members, which Prosody passes on several
-- times as fast. "privilege" is in Debian's package prosody-modules: the server tells the service who is online, so that
-- clients need not announce themselves. That only where all clients of your users speak the groupchat protocol: whoever is
-- online then gets live copies and nothing else. See section 11.3 of docs/protocol.md.
--	modules_enabled = { "privilege", "groupchat_multicast" }
--	privileged_entities = { ["groupchat.localhost"] = { presence = "managed_entity" } }

-- ------------------------------------------------------------------ at the very end
Component "groupchat.localhost"
	component_secret = "change-me"
-- With "privilege" above:
--	modules_enabled = { "privilege" }
-- ---------------------------------------------------------------------------------
