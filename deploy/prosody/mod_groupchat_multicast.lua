-- One stanza for many users: lets a component send this host a message or presence with the addresses of all who are to
-- get it (XEP-0033, type "bcc"), instead of a stanza for each. For groupchat services; without it they send single ones.
--
-- Copy this file into a folder of `plugin_paths` and enable it for the host whose users are the members:
--
--	VirtualHost "example.org"
--		modules_enabled = { "groupchat_multicast" }
--
-- Options, of that host:
--	groupchat_multicast_components  who may: domains of components. Default: all whose domain is below the host's.
--	groupchat_multicast_recipients  addresses of one stanza at most. Default: 1000.
--
-- What it promises: stanzas of a component are passed on in the order in which they came, to users of this host only,
-- and each copy takes the way that a single stanza takes, past block lists, firewalls and all other modules. Who is gone
-- or unknown bounces as ever, from his own address. Copies hold no <addresses/>. Anybody else's stanza with addresses is
-- refused, as is one with addresses that are not "bcc", that are no users of this host, or that are too many: as a whole.
--
-- What makes it fast: the text of a message is made once, and written as it is to every connection that would not change
-- it. Sessions with filters (XEP-0198, client state indication, WebSocket) get a stanza like any other.
-- Tested with Prosody 0.12.

local st = require "util.stanza";
local jid_prepped_split = require "util.jid".prepped_split;
local random_id = require "util.id".long;
local xml_escape = st.xml_escape;
local core_post_stanza = prosody.core_post_stanza;
local full_sessions = prosody.full_sessions;

local xmlns_address = "http://jabber.org/protocol/address";

local components = module:get_option_set("groupchat_multicast_components");
local recipients_max = module:get_option_number("groupchat_multicast_recipients", 1000);

module:add_feature(xmlns_address);
module:add_extension(st.stanza("x", { xmlns = "jabber:x:data", type = "result" })
	:tag("field", { var = "FORM_TYPE", type = "hidden" }):text_tag("value", xmlns_address):up()
	:tag("field", { var = "message" }):text_tag("value", tostring(recipients_max)):up()
	:tag("field", { var = "presence" }):text_tag("value", tostring(recipients_max)):up());

-- Only a component's own link counts: whatever a user writes, his session is no component.
local function may(origin)
	if origin.type ~= "component" then return false; end
	if components then return components:contains(origin.host); end
	return origin.host:sub(-#module.host - 1) == "." .. module.host;
end

-- The full or bare addresses of all recipients; or nil, and what is wrong.
local function read_recipients(addresses)
	local recipients = {};
	for i, address in ipairs(addresses.tags) do
		local jid = address.attr.jid;
		if address.attr.type ~= "bcc" or not jid then
			return nil, "modify", "bad-request", "Each address must be a bcc with the jid of a user";
		end
		local session = full_sessions[jid];
		-- The address of a session is in its normal form already.
		if not (session and session.host == module.host) then
			local user, host, resource = jid_prepped_split(jid);
			if not user then
				return nil, "modify", "jid-malformed", "Each address must be the jid of a user";
			elseif host ~= module.host then
				return nil, "cancel", "item-not-found", "Only users of this host are reached";
			end
			jid = user .. "@" .. host;
			if resource then jid = jid .. "/" .. resource; end
		end
		recipients[i] = jid;
	end
	if #recipients > recipients_max then
		return nil, "modify", "not-acceptable", "Too many addresses";
	end
	return recipients;
end

-- A stanza of its own for one recipient, so that modules may keep it or change it; what is in it is shared.
local function copy_for(to, original)
	local attr = {};
	for name, value in pairs(original.attr) do attr[name] = value; end
	attr.to = to;
	local copy = { name = original.name, attr = attr, tags = {} };
	for i = 1, #original do copy[i] = original[i]; end
	for i = 1, #original.tags do copy.tags[i] = original.tags[i]; end
	return setmetatable(copy, st.stanza_mt);
end

-- The text before and behind the recipient's address.
local function halves_of(original)
	local mark = random_id();
	local text = tostring(copy_for(mark, original));
	local from, to = text:find(mark, 1, true);
	return text:sub(1, from - 1), text:sub(to + 1);
end

-- Would this session write the text of a stanza as it is?
local function is_plain(session)
	local filters = session.filters and session.filters["stanzas/out"];
	return session.type == "c2s" and session.conn and session.rawsend and not (filters and filters[1]);
end

-- The copy that is under way, what it is a copy of, and the halves of its text.
local current, original_of_current, before, behind;

-- Is the copy still what its text says? A module may have added something.
local function is_unchanged(copy, original)
	if #copy ~= #original or #copy.tags ~= #original.tags then return false; end
	for i = 1, #copy do
		if copy[i] ~= original[i] then return false; end
	end
	for name, value in pairs(copy.attr) do
		if name ~= "to" and value ~= original.attr[name] then return false; end
	end
	return true;
end

-- Just before the host's own handler, behind everybody who may want to stop or change the message.
module:hook("message/full", function (event)
	local copy = event.stanza;
	if copy ~= current then return; end
	local session = full_sessions[copy.attr.to];
	if not session or not is_plain(session) or not is_unchanged(copy, original_of_current) then return; end
	return session.rawsend(before .. xml_escape(copy.attr.to) .. behind) or nil;
end, -0.9);

local function pass_on(event)
	local origin, original = event.origin, event.stanza;
	local addresses = original:get_child("addresses", xmlns_address);
	if not addresses or original.attr.type == "error" then return; end
	if not may(origin) then
		origin.send(st.error_reply(original, "auth", "forbidden", "Only components may send to many"));
		return true;
	end
	local recipients, kind, condition, text = read_recipients(addresses);
	if not recipients then
		origin.send(st.error_reply(original, kind, condition, text));
		return true;
	end
	original:remove_children("addresses", xmlns_address);
	local is_message = original.name == "message";
	if is_message then before, behind = halves_of(original); end
	for i = 1, #recipients do
		local to = recipients[i];
		local copy = copy_for(to, original);
		current, original_of_current = is_message and copy or nil, original;
		if is_message and full_sessions[to] then
			module:fire_event("message/full", { origin = origin, stanza = copy });
		else
			core_post_stanza(origin, copy);
		end
	end
	current, original_of_current, before, behind = nil, nil, nil, nil;
	return true;
end

module:hook("message/host", pass_on, 1);
module:hook("presence/host", pass_on, 1);
