"""What the stories in Python have in common: where they play, what they say, and somebody who speaks by slixmpp.

A story is run by tests/tests/stock_clients.rs with: host, port, domain of the users, domain of the service, folder for what
is to be looked at when it fails. It prints a line `ok <what>` for each thing that works, and ends with an error at the first
that does not.
"""

import asyncio
import sys
from xml.etree import ElementTree

import slixmpp
from slixmpp.exceptions import IqError, PresenceError

HOST, PORT, USERS, SERVICE, FOLDER = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
ROOM = slixmpp.JID(f"tea@{SERVICE}")
PATIENCE = 20
PLUGINS = [
    "xep_0030", "xep_0045", "xep_0054", "xep_0059", "xep_0153", "xep_0199", "xep_0249", "xep_0297", "xep_0313", "xep_0359",
    "xep_0421",
]
EVENTS = [
    "message", "groupchat_subject", "groupchat_presence", "presence_available", "groupchat_invite", "groupchat_direct_invite",
]

# A picture of one green pixel.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154"
    "789c63d0ab35020001ba00dec48abf880000000049454e44ae426082"
)


class Client(slixmpp.ClientXMPP):
    """A client that remembers what it hears."""

    def __init__(self, user):
        super().__init__(f"{user}@{USERS}/stock", "secret")
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self["feature_mechanisms"].unencrypted_plain = True
        self.heard = asyncio.Queue()
        self.add_event_handler("session_start", self.started)
        for event in EVENTS:
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


def tell(story):
    asyncio.get_event_loop().run_until_complete(asyncio.wait_for(story, 120))
