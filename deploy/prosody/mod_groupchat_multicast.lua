-- One stanza for many users: lets a component send this host a message or presence with the addresses of all who are to
-- get it (XEP-0033, type "bcc"), instead of a stanza for each. For groupchat services; without it they send single ones.
--
-- Copy this file into a folder of `plugin_paths` and enable it for the host whose users are the members:
--
--	VirtualHost "example.org"
--		modules_enabled = { "groupchat_multicast" }
--
-- Options, of that host:
--	groupchat_multicast_components  who may: domains of components. Default: { "groupchat.<host>" }.
--	groupchat_multicast_recipients  addresses of one stanza at most. Default: 1000.
--
-- What it promises: stanzas of a component are passed on in the order in which they came, to users of this host only,
-- and each copy takes the way that a single stanza takes, past block lists, firewalls and all other modules. Who is gone
-- or unknown, or whose address nobody can have, bounces as ever, from that address. Copies hold no <addresses/>. Anybody
-- else's stanza with addresses is refused, as is one with addresses that are not "bcc", that are no users of this host, or
-- that are too many: as a whole. Only what comes first in a stanza tells whom it is for; what users wrote comes behind.
--
-- A component that sends to the same devices again and again need not name them each time. It has a list remembered,
--	<message from='groups.example.org' to='example.org'>
--		<list xmlns='urn:xmpp-groupchat:multicast:0' number='7'>one address a line</list></message>
-- and then puts <to-list xmlns='urn:xmpp-groupchat:multicast:0' number='7'/> into its messages and presence, instead of
-- <addresses/>. Lists belong to a connection and end with it; a new one of the same number takes the old one's place, and
-- if it is refused the old one is gone as well.
--
-- What makes it fast: the text of a message is made once, and written as it is to every connection that would not change
-- it. Sessions with filters (XEP-0198, client state indication, WebSocket) get a stanza like any other. And a message of
-- type groupchat makes no stanzas and fires no events at all as long as nobody listens but modules whose part is known:
-- the block list is asked, archives and carbons have nothing to do with such messages.
-- Tested with Prosody 0.12.

local st = require "util.stanza";
local jid_prepped_split = require "util.jid".prepped_split;
local random_id = require "util.id".long;
local xml_escape = st.xml_escape;
local modulemanager = require "core.modulemanager";
local core_post_stanza = prosody.core_post_stanza;
local hosts = prosody.hosts;
local full_sessions = prosody.full_sessions;

local xmlns_address = "http://jabber.org/protocol/address";
local xmlns_lists = "urn:xmpp-groupchat:multicast:0";
-- Lists of one connection.
local lists_max = 1000;

local components = module:get_option_set("groupchat_multicast_components", { "groupchat." .. module.host });
local recipients_max = module:get_option_number("groupchat_multicast_recipients", 1000);

module:add_feature(xmlns_address);
module:add_feature(xmlns_lists);
module:add_extension(st.stanza("x", { xmlns = "jabber:x:data", type = "result" })
	:tag("field", { var = "FORM_TYPE", type = "hidden" }):text_tag("value", xmlns_address):up()
	:tag("field", { var = "message" }):text_tag("value", tostring(recipients_max)):up()
	:tag("field", { var = "presence" }):text_tag("value", tostring(recipients_max)):up());

-- Only a component's own link counts, which has a connection: Prosody's own components, as rooms, pass on what users write.
local function may(origin)
	return origin.type == "component" and origin.conn ~= nil and components:contains(origin.host);
end

-- A recipient's address in its normal form; nil, if nobody can have it; or nil, and why it must not be here.
local function read_recipient(jid)
	local session = full_sessions[jid];
	-- That of a session is in its normal form already.
	if session and session.host == module.host then return jid; end
	local user, host, resource = jid_prepped_split(jid);
	if not host then
		return nil;
	elseif host ~= module.host or not user then
		return nil, { "cancel", "item-not-found", "Only users of this host are reached" };
	end
	jid = user .. "@" .. host;
	return resource and jid .. "/" .. resource or jid;
end

-- The recipients that an iterator gives the addresses of, also as XML writes them; or nil, and what is wrong.
local function read_recipients(addresses)
	local recipients = { escaped = {}, unreadable = {} };
	local count = 0;
	for jid in addresses do
		local recipient, problem = read_recipient(jid);
		if recipient then
			recipients[#recipients + 1] = recipient;
			recipients.escaped[#recipients] = xml_escape(recipient);
		elseif problem then
			return nil, problem;
		else
			table.insert(recipients.unreadable, jid);
		end
		count = count + 1;
		if count > recipients_max then
			return nil, { "modify", "not-acceptable", "Too many addresses" };
		end
	end
	return recipients;
end

-- The addresses in a stanza, one after the other.
local function addresses_in(element)
	local i = 0;
	return function ()
		i = i + 1;
		local address = element.tags[i];
		-- Not to be hidden from the others, or without a jid: none of a user.
		return address and (address.attr.type == "bcc" and address.attr.jid or module.host);
	end
end

-- Has the connection remember a list; nil, or what is wrong.
local function remember(origin, element)
	local number = tonumber(element.attr.number);
	if not number or number < 0 or number >= lists_max or number % 1 ~= 0 then
		return { "modify", "not-acceptable", "The number of a list is from 0 to " .. lists_max - 1 };
	end
	local lists = origin.groupchat_multicast_lists or {};
	origin.groupchat_multicast_lists = lists;
	-- Nothing that is sent to this number may reach those of the old list.
	lists[number] = nil;
	local recipients, problem = read_recipients((element:get_text() or ""):gmatch("[^\n]+"));
	lists[number] = recipients;
	return problem;
end

-- The recipients of a list that the connection remembers; or nil, and what is wrong.
local function recall(origin, element)
	local lists = origin.groupchat_multicast_lists;
	local recipients = lists and lists[tonumber(element.attr.number)];
	if not recipients then return nil, { "cancel", "item-not-found", "There is no such list" }; end
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

-- Modules that do nothing with a groupchat message to a device, or only hand it over.
local known = { message = true, carbons = true, mam = true, [module.name] = true };

-- May such messages be written without an event? And the block list's say in it.
local is_alone, is_blocked;

local function look_who_listens()
	is_alone, is_blocked = true, nil;
	local events = hosts[module.host].events;
	for name, loaded in pairs(modulemanager.get_modules(module.host)) do
		for object, event, handler in loaded.module.event_handlers:iter(nil, nil, nil) do
			if object == events.wrappers then
				is_alone = false;
			elseif object == events and event == "message/full" then
				if name == "blocklist" then is_blocked = handler; end
				if not known[name] and name ~= "blocklist" then is_alone = false; end
			end
		end
	end
end

module:hook("module-loaded", look_who_listens);
module:hook("module-unloaded", look_who_listens);
if prosody.start_time then
	look_who_listens();
else
	module:hook_global("server-started", look_who_listens);
end

local function deliver(origin, original, to, escaped, probe)
	local is_message = original.name == "message";
	local session = is_message and full_sessions[to];
	if probe and session and is_plain(session) then
		probe.stanza.attr.to = to;
		if is_blocked and is_blocked(probe) then return; end
		if session.rawsend(before .. escaped .. behind) then return; end
	end
	local copy = copy_for(to, original);
	current, original_of_current = is_message and copy or nil, original;
	if session then
		module:fire_event("message/full", { origin = origin, stanza = copy });
	else
		core_post_stanza(origin, copy);
	end
end

local function complain(problem)
	module:log("error", "One recipient of a stanza could not be served: %s", debug.traceback(tostring(problem), 2));
end

local function pass_on(origin, original, recipients)
	local is_message = original.name == "message";
	if is_message then before, behind = halves_of(original); end
	-- Read by the block list, and kept by nobody.
	local probe = is_alone and is_message and original.attr.type == "groupchat"
		and { origin = origin, stanza = copy_for(nil, original) };
	for i = 1, #recipients do
		-- What goes wrong with one is no reason to forget the others.
		xpcall(deliver, complain, origin, original, recipients[i], recipients.escaped[i], probe);
	end
	current, original_of_current, before, behind = nil, nil, nil, nil;
	for _, jid in ipairs(recipients.unreadable) do
		if is_message then
			origin.send(st.error_reply(copy_for(jid, original), "modify", "jid-malformed"));
		end
	end
end

local function take(event)
	local origin, original = event.origin, event.stanza;
	local first = original.tags[1];
	if not first or original.attr.type == "error" then return; end
	local is_addresses = first.name == "addresses" and first.attr.xmlns == xmlns_address;
	local is_to_list = first.name == "to-list" and first.attr.xmlns == xmlns_lists;
	-- A list is the component's own word, and nobody's message.
	local is_list = first.name == "list" and first.attr.xmlns == xmlns_lists;
	if not (is_addresses or is_to_list or is_list) then return; end
	local recipients, problem;
	if not may(origin) or is_list and original.attr.from ~= origin.host then
		problem = { "auth", "forbidden", "Only components may send to many" };
	elseif is_list then
		problem = remember(origin, first);
	elseif is_to_list then
		recipients, problem = recall(origin, first);
	else
		recipients, problem = read_recipients(addresses_in(first));
	end
	if problem then
		origin.send(st.error_reply(original, problem[1], problem[2], problem[3]));
	elseif recipients then
		original:maptags(function (child) return child ~= first and child or nil; end);
		pass_on(origin, original, recipients);
	end
	return true;
end

module:hook("message/host", take, 1);
module:hook("presence/host", take, 1);
