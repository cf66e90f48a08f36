"""A stock client in the groups of the service: Gajim on a screen that nobody sees (Xvfb), beside a client of the protocol's own.

Run by tests/tests/stock_clients.rs; story.py says with what. Gajim is told what to do by a bookmark (XEP-0048) and over D-Bus,
and what it has is read from its own history and log. What it does not do without somebody's mouse is not tried.
"""

import asyncio
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

from story import FOLDER, HOST, PATIENCE, PICTURE, PORT, ROOM, SERVICE, USERS, Client, codes, ok, stanza_id, tell

NOBODY = 65534
LOG = Path(FOLDER, "gajim.log")
SETTINGS = """
CREATE TABLE settings (name TEXT UNIQUE, settings TEXT);
CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT);
PRAGMA user_version=5;
"""
APP = {"use_keyring": False, "remote_control": True, "check_for_update": False}
WORKSPACES = {"00000000-0000-4000-8000-000000000001": {}}
BOOKMARKS = "storage:bookmarks"


async def until(what, look):
    """What is found as soon as something is."""
    over = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < over, f"Gajim did not: {what}"
        await asyncio.sleep(0.2)
    return found


class Gajim:
    """Somebody at a screen with Gajim."""

    def __init__(self, user):
        self.user, self.home = user, Path(FOLDER, user)
        self.config, run = self.home / "config", self.home / "run"
        run.mkdir(parents=True, mode=0o700)
        self.config.mkdir()
        self.write_settings()
        # It refuses to be run by root.
        self.as_user = []
        if os.geteuid() == 0:
            Path(FOLDER).chmod(0o711)
            subprocess.run(["chown", "-R", str(NOBODY), str(self.home)], check=True)
            self.as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        homes = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
        self.environment = {
            **{name: str(self.home) for name in homes},
            "PATH": os.environ["PATH"],
            "XDG_RUNTIME_DIR": str(run),
            "LANG": "C.UTF-8",
            "NO_AT_BRIDGE": "1",
        }

    def write_settings(self):
        account = {
            "name": self.user, "hostname": USERS, "address": f"{self.user}@{USERS}", "account_label": self.user,
            "active": True, "autoconnect": True, "savepass": True, "password": "secret", "resource": "stock",
            "use_custom_host": True, "custom_host": HOST, "custom_port": PORT, "custom_type": "PLAIN",
            "use_plain_connection": True, "confirm_unencrypted_connection": False,
        }
        settings = {"app": APP, "workspaces": WORKSPACES, "soundevents": {}, "status_presets": {}, "proxies": {}, "plugins": {}}
        with sqlite3.connect(self.config / "settings.sqlite") as database:
            database.executescript(SETTINGS)
            rows = [(name, json.dumps(value)) for name, value in settings.items()]
            database.executemany("INSERT INTO settings VALUES (?, ?)", rows)
            mine = {"account": account, "contact": {}, "group_chat": {}}
            database.execute("INSERT INTO account_settings VALUES (?, ?)", (self.user, json.dumps(mine)))

    def start(self):
        """A screen, a bus and Gajim, which end together."""
        self.start_of_log = LOG.stat().st_size if LOG.exists() else 0
        bus = self.home / "bus"
        bus.unlink(missing_ok=True)
        inner = f'echo "$DBUS_SESSION_BUS_ADDRESS" >{bus}; exec gajim --config-path {self.config} -l gajim=INFO'
        screen = ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1000x600x24 -nolisten tcp"]
        command = [*self.as_user, *screen, "dbus-run-session", "--", "sh", "-c", inner]
        log = open(LOG, "ab")
        self.process = subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(PATIENCE)

    def call(self, path, method, *arguments):
        bus = {**self.environment, "DBUS_SESSION_BUS_ADDRESS": (self.home / "bus").read_text().strip()}
        remote = ["gdbus", "call", "--session", "--dest", "org.gajim.Gajim", "--object-path", path, "--method", method]
        return subprocess.run([*self.as_user, *remote, *arguments], env=bus, capture_output=True, text=True)

    async def says(self, body):
        path, method = "/org/gajim/dbus/RemoteObject", "org.gajim.dbus.RemoteInterface.send_groupchat_message"
        # It listens there some seconds after its start.
        await until(f"say {body}", lambda: "true" in self.call(path, method, ROOM.bare, body, self.user).stdout)

    def does(self, action, *what, where="/window/1"):
        """One of the things in its menus."""
        parameter = f"[<{list(what)}>]"
        called = self.call(f"/org/gajim/Gajim{where}", "org.gtk.Actions.Activate", action, parameter, "{}")
        assert called.returncode == 0, f"{called.stdout}{called.stderr}"

    async def opens(self):
        """Brings the room to the front."""
        self.does("open-chat", self.user, ROOM.bare, where="")
        await until("open the room", lambda: f"Switch to {ROOM.bare}".encode() in LOG.read_bytes()[self.start_of_log:])

    async def sees(self, body):
        """The stanza-id of what is in its history once."""
        found = await until(f"see {body}", lambda: self.remembers(body))
        assert len(found) == 1, f"Gajim has it {len(found)} times: {body}"
        return found[0][0]

    def remembers(self, body):
        if not (self.config / "logs.db").exists():
            return []
        with sqlite3.connect(f"file:{self.config}/logs.db?mode=ro", uri=True) as history:
            return history.execute("SELECT stanza_id FROM logs WHERE message = ?", (body,)).fetchall()

    async def has_picture(self, picture):
        kept = self.config / "avatars" / hashlib.sha1(picture).hexdigest()
        await until("keep the picture", kept.exists)


async def create(alice, carol, bob):
    room = alice["xep_0045"]
    await room.join_muc_wait(ROOM, "Alice", maxstanzas=0, timeout=PATIENCE)
    await room.set_room_config(ROOM, await room.get_room_config(ROOM))
    for person, affiliation in ((bob, "owner"), (carol, "member")):
        await room.set_affiliation(ROOM, affiliation, jid=person.boundjid.bare)
    await alice["xep_0153"].set_avatar(jid=ROOM, avatar=PICTURE, mtype="image/png", timeout=PATIENCE)
    carol.send_presence(pto=SERVICE)
    # In the older form, which servers turn into the other one for clients that want that.
    iq = bob.make_iq_set()
    pubsub = "{http://jabber.org/protocol/pubsub}"
    publish = ElementTree.SubElement(ElementTree.SubElement(iq.xml, f"{pubsub}pubsub"), f"{pubsub}publish", node=BOOKMARKS)
    storage = ElementTree.SubElement(ElementTree.SubElement(publish, f"{pubsub}item", id="current"), f"{{{BOOKMARKS}}}storage")
    conference = ElementTree.SubElement(storage, f"{{{BOOKMARKS}}}conference", jid=ROOM.bare, name="Tea", autojoin="true")
    ElementTree.SubElement(conference, f"{{{BOOKMARKS}}}nick").text = "Bob"
    await iq.send(timeout=PATIENCE)
    bob.disconnect()


async def play():
    alice, carol, bob = [await Client(user).come() for user in ("alice", "carol", "bob")]
    await create(alice, carol, bob)
    gajim = Gajim("bob")
    gajim.start()
    try:
        await alice.hear("that Bob is there", lambda s: s.name == "presence" and s["from"] == f"{ROOM}/Bob")
        log = LOG.read_text()
        assert f"Discovered MUC: {SERVICE}" in log and f"MUC info received: {ROOM.bare}" in log
        ok("discover")
        ok("join")
        await gajim.has_picture(PICTURE)
        ok("picture")
        await talk(gajim, alice, carol)
        await catch_up(gajim, alice, carol)
        await look_after(gajim, alice, carol)
    finally:
        gajim.stop()
    for client in (alice, carol):
        client.disconnect()


async def talk(gajim, alice, carol):
    carol.send_message(mto=ROOM, mbody="From the slim one", mtype="groupchat")
    copy = await carol.message("From the slim one")
    assert await gajim.sees("From the slim one") == stanza_id(copy)
    await gajim.says("From the stock one")
    copies = [await client.message("From the stock one") for client in (alice, carol)]
    assert [copy["from"].resource for copy in copies] == ["Bob", "bob"], copies
    seen = await gajim.sees("From the stock one")
    assert {stanza_id(copy) for copy in copies} == {seen}, seen
    ok("talk")
    ok("stanza-id")


async def catch_up(gajim, alice, carol):
    gajim.stop()
    await alice.hear("that Bob is gone", lambda s: s.name == "presence" and s["type"] == "unavailable")
    ids = {}
    for number in range(30):
        body = f"Cup number {number}"
        carol.send_message(mto=ROOM, mbody=body, mtype="groupchat")
        ids[body] = stanza_id(await carol.message(body))
    gajim.start()
    for body, wanted in ids.items():
        assert await gajim.sees(body) == wanted, body
    ok("archive")


async def look_after(gajim, alice, carol):
    await gajim.opens()
    gajim.does("muc-change-affiliation", carol.boundjid.bare, "none")
    await carol.hear("that she is removed", lambda s: s.name == "presence" and "#removemember" in str(s))
    ok("remove")
    gajim.does("muc-change-affiliation", alice.boundjid.bare, "member")
    await alice.hear("that she is a mere member", lambda s: s.name == "presence" and 'affiliation="member"' in str(s))
    gajim.does("muc-change-role", "Alice", "none")
    await alice.hear("that she is sent away", lambda s: s.name == "presence" and "307" in codes(s))
    await alice["xep_0045"].join_muc_wait(ROOM, "Alice", maxstanzas=0, timeout=PATIENCE)
    ok("kick")
    gajim.does("muc-change-affiliation", alice.boundjid.bare, "outcast")
    await alice.hear("that she is banned", lambda s: s.name == "presence" and "301" in codes(s))
    ok("ban")


version = subprocess.run(["dpkg-query", "-W", "-f", "Gajim ${Version}", "gajim"], capture_output=True, text=True).stdout
print(version, flush=True)
tell(play())
