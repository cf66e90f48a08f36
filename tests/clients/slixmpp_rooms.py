"""A stock client in the groups of the service: slixmpp's own plugins for rooms, beside a client of the protocol's own.

Run by tests/tests/stock_clients.rs; story.py says with what.
"""

import hashlib

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

from story import PATIENCE, PICTURE, ROOM, SERVICE, Client, codes, occupant_id, ok, refused, stanza_id, tell


async def join(client, nick, history=0):
    await client["xep_0045"].join_muc_wait(ROOM, nick, maxstanzas=history, timeout=PATIENCE)


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
    # The plugins for both kinds of invitation tell of it.
    for kind in ("through the room", "direct"):
        invitation = await bob.hear(f"an invitation, {kind}", lambda s: s.name == "message" and "invite" in str(s))
        assert invitation["from"].bare == ROOM.bare and not invitation["body"], invitation
    direct = invitation["groupchat_invite"]
    assert direct["jid"] == ROOM and direct["reason"] == "Tea is ready", invitation
    await join(bob, "Bob")
    await alice.hear("that Bob is there", lambda s: s.name == "presence" and s["from"].resource == "Bob")
    ok("invite")
    ok("join")


async def picture(alice, bob):
    # The plugins tell nothing of presence from a room that one is in, but of its occupants'.
    bob.register_handler(Callback("picture", StanzaPath("presence/vcard_temp_update"), bob.heard.put_nowait))
    await alice["xep_0153"].set_avatar(jid=ROOM, avatar=PICTURE, mtype="image/png", timeout=PATIENCE)
    told = await bob.hear("a new picture", lambda s: s.name == "presence" and s["from"] == ROOM)
    wanted = hashlib.sha1(PICTURE).hexdigest()
    assert told["vcard_temp_update"]["photo"] == wanted, told
    info = await bob["xep_0030"].get_info(jid=ROOM)
    hashes = info.xml.findall(".//{jabber:x:data}field[@var='muc#roominfo_avatarhash']/{jabber:x:data}value")
    assert [value.text for value in hashes] == [wanted], info
    card = await bob["xep_0054"].get_vcard(ROOM, timeout=PATIENCE)
    assert card["vcard_temp"]["PHOTO"]["BINVAL"] == PICTURE, card
    ok("picture")


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
    await join(bob, "Robert", history=1)
    ok("nick")
    said = await bob.message("From the stock one")
    assert stanza_id(said) and said.xml.find("{urn:xmpp:delay}delay") is not None, said
    ok("history")


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
    await picture(alice, bob)
    await talk(alice, bob, carol)
    await catch_up(bob)
    await look_after(alice, bob, carol)
    for client in (alice, bob, carol):
        client.disconnect()


print(f"slixmpp {slixmpp.__version__}", flush=True)
tell(play())
