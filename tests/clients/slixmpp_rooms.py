"""A stock client in the groups of the service: slixmpp's own plugins for rooms, beside a client of the protocol's own.

Run by tests/tests/stock_clients.rs with: host, port, domain of the users, domain of the service. Prints a line `ok <what>`
for each thing that works, and ends with an error at the first that does not.
"""

import asyncio
import sys
from xml.etree import ElementTree

import slixmpp
from slixmpp.exceptions import IqError, PresenceError

HOST, PORT, USERS, SERVICE = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
ROOM = slixmpp.JID(f"tea@{SERVICE}")
PATIENCE = 20
PLUGINS = ["xep_0030", "xep_0045", "xep_0059", "xep_0199", "xep_0249", "xep_0297", "xep_0313", "xep_0359", "xep_0421"]


class Client(slixmpp.ClientXMPP):
    """A client that remembers what it hears."""

    def __init__(self, user):
        super().__init__(f"{user}@{USERS}/stock", "secret")
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self["feature_mechanisms"].unencrypted_plain = True
        self.heard = asyncio.Queue()
        self.add_event_handler("session_start", self.started)
        for event in ("message", "groupchat_subject", "groupchat_presence"):
            self.add_event_handler(event, self.heard.put_nowait)
        self.ready = asyncio.get_event_loop().create_future()

    async def started(self, _):
        self.send_presence()
        self.ready.set_result(None)

    async def come(self):
        self.connect((HOST, PORT), force_starttls=False, disable_starttls=True)
        await asyncio.wait_for(self.ready, PATIENCE)
        return self

    async def hear(self, what, wanted):
        """The next stanza that is wanted; what comes before it does not matter."""

        async def look():
            while True:
                stanza = await self.heard.get()
                if wanted(stanza):
                    return stanza

        try:
            return await asyncio.wait_for(look(), PATIENCE)
        except asyncio.TimeoutError:
            raise AssertionError(f"{self.boundjid.user} did not hear: {what}") from None

    async def message(self, body):
        return await self.hear(f"the message {body!r}", lambda s: s.name == "message" and s["body"] == body)

    async def self_ping(self, nick):
        """XEP-0410; the plugin is younger than Debian's slixmpp."""
        iq = self.make_iq_get(ito=f"{ROOM}/{nick}")
        iq.append(ElementTree.Element("{urn:xmpp:ping}ping"))
        await iq.send(timeout=PATIENCE)


def stanza_id(stanza):
    found = stanza.xml.find("{urn:xmpp:sid:0}stanza-id")
    assert found is not None and found.get("by") == ROOM.bare, stanza
    return found.get("id")


def occupant_id(stanza):
    found = stanza.xml.find("{urn:xmpp:occupant-id:0}occupant-id")
    assert found is not None, stanza
    return found.get("id")


def codes(presence):
    return {status.get("code") for status in presence.xml.iter("{http://jabber.org/protocol/muc#user}status")}


def ok(what):
    print(f"ok {what}", flush=True)


async def refused(condition, asked):
    try:
        await asked
    except IqError as error:
        assert error.condition == condition, error
    except PresenceError as error:
        assert error.condition == condition, error
    else:
        raise AssertionError(f"it was not refused: {condition}")


async def join(client, nick):
    await client["xep_0045"].join_muc_wait(ROOM, nick, maxstanzas=0, timeout=PATIENCE)


async def create(alice):
    info = await alice["xep_0030"].get_info(jid=SERVICE)
    assert "http://jabber.org/protocol/muc" in info["disco_info"]["features"]
    ok("discover")
    await join(alice, "Alice")
    room = alice["xep_0045"]
    form = await room.get_room_config(ROOM)
    form.get_fields()["muc#roomconfig_roomname"]["value"] = "Tea"
    await room.set_room_config(ROOM, form)
    info = await alice["xep_0030"].get_info(jid=ROOM)
    features = info["disco_info"]["features"]
    assert {"muc_membersonly", "muc_nonanonymous", "muc_persistent"} <= set(features), features
    assert any(name == "Tea" for _, _, _, name in info["disco_info"]["identities"])
    ok("create")
    ok("configure")


async def invite(alice, bob):
    alice["xep_0045"].invite(ROOM, bob.boundjid.bare, reason="Tea is ready")
    invitation = await bob.hear("an invitation", lambda s: s.name == "message" and "invite" in str(s))
    assert invitation["from"].bare == ROOM.bare
    await join(bob, "Bob")
    await alice.hear("that Bob is there", lambda s: s.name == "presence" and s["from"].resource == "Bob")
    ok("invite")
    ok("join")


async def talk(alice, bob, carol):
    await alice["xep_0045"].set_affiliation(ROOM, "member", jid=carol.boundjid.bare)
    # The protocol's own client announces itself to the service, and that is all.
    carol.send_presence(pto=SERVICE)
    carol.send_message(mto=ROOM, mbody="From the slim one", mtype="groupchat")
    copies = [await client.message("From the slim one") for client in (alice, bob, carol)]
    assert len({stanza_id(copy) for copy in copies}) == 1, copies
    assert copies[0]["from"].resource == "carol" and occupant_id(copies[0]) == "carol"
    bob.send_message(mto=ROOM, mbody="From the stock one", mtype="groupchat")
    copies = [await client.message("From the stock one") for client in (alice, bob, carol)]
    assert len({stanza_id(copy) for copy in copies}) == 1, copies
    assert copies[0]["from"].resource == "Bob" and copies[2]["from"].resource == "bob"
    assert occupant_id(copies[0]) == "bob"
    ok("talk")
    ok("stanza-id")
    ok("occupant-id")
    alice["xep_0045"].set_subject(ROOM, "Scones")
    await bob.hear("the subject", lambda s: s.name == "message" and s["subject"] == "Scones")
    ok("subject")
    bob.send_message(mto=f"{ROOM}/Alice", mbody="Between us", mtype="chat")
    private = await alice.message("Between us")
    assert private["type"] == "chat" and private["from"].resource == "Bob"
    ok("private message")
    await bob.self_ping("Bob")
    ok("self-ping")


async def catch_up(bob):
    bob["xep_0045"].leave_muc(ROOM, "Bob")
    await refused("not-acceptable", bob.self_ping("Bob"))
    found = await bob["xep_0313"].retrieve(jid=ROOM, rsm={"max": 50})
    messages = [result["mam_result"]["forwarded"]["stanza"] for result in found["mam"]["results"]]
    said = [(message["body"], message["from"].resource) for message in messages if message["body"]]
    assert said == [("From the slim one", "carol"), ("From the stock one", "Bob")], said
    ok("archive")
    await join(bob, "Robert")
    ok("nick")


async def users_of(room, affiliation):
    return {slixmpp.JID(jid).user for jid in await room.get_affiliation_list(ROOM, affiliation)}


async def look_after(alice, bob, carol):
    room = alice["xep_0045"]
    assert await users_of(room, "owner") == {"alice"} and await users_of(room, "member") == {"bob", "carol"}
    await room.set_affiliation(ROOM, "none", jid=carol.boundjid.bare)
    assert await users_of(room, "member") == {"bob"}
    ok("remove")
    await refused("forbidden", bob["xep_0045"].set_role(ROOM, "Alice", "none"))
    await room.set_role(ROOM, "Robert", "none", reason="Out")
    kicked = await bob.hear("that he is sent away", lambda s: s.name == "presence" and "307" in codes(s))
    assert kicked["type"] == "unavailable"
    await join(bob, "Robert")
    ok("kick")
    await room.set_affiliation(ROOM, "outcast", jid=bob.boundjid.bare)
    await bob.hear("that he is banned", lambda s: s.name == "presence" and "301" in codes(s))
    await refused("forbidden", join(bob, "Robert"))
    assert await users_of(room, "outcast") == {"bob"} and await users_of(room, "member") == set()
    ok("ban")
    ok("affiliations")
    await room.destroy(ROOM, reason="It is late")
    gone = await alice.hear("that it is over", lambda s: s.name == "presence" and "It is late" in str(s))
    assert gone["type"] == "unavailable"
    ok("destroy")


async def play():
    alice, bob, carol = [await Client(user).come() for user in ("alice", "bob", "carol")]
    await create(alice)
    await invite(alice, bob)
    await talk(alice, bob, carol)
    await catch_up(bob)
    await look_after(alice, bob, carol)
    for client in (alice, bob, carol):
        client.disconnect()


print(f"slixmpp {slixmpp.__version__}", flush=True)
asyncio.get_event_loop().run_until_complete(asyncio.wait_for(play(), 120))
