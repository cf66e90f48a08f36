"""A stock client in the groups of the service: Profanity in a terminal (tmux), beside a client of the protocol's own.

Run by tests/tests/stock_clients.rs; story.py says with what. What the terminals showed at the end is left in the folder.
"""

import asyncio
import os
import subprocess
import time
from pathlib import Path

from story import FOLDER, HOST, PATIENCE, PORT, ROOM, SERVICE, USERS, Client, ok, stanza_id, tell


class Terminal:
    """Somebody at a terminal with Profanity."""

    def __init__(self, user):
        self.user, self.jid = user, f"{user}@{USERS}"
        home = Path(FOLDER, user)
        home.mkdir()
        here = {"HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_DATA_HOME": home / "data"}
        kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        settings = {**kept, **here, "TERM": "screen", "LANG": "C.UTF-8"}
        environment = [f"{name}={value}" for name, value in settings.items()]
        self.log = home / "profanity.log"
        profanity = ["env", "-i", *environment, "profanity", "-l", "DEBUG", "-f", str(self.log)]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", user, "-x", "150", "-y", "50", *profanity)

    @staticmethod
    def tmux(*command):
        # A server of its own: nobody else's sessions are seen or ended.
        server = ["tmux", "-S", f"{FOLDER}/tmux"]
        return subprocess.run([*server, *command], check=True, capture_output=True, text=True).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", self.user)

    async def sees(self, *wanted):
        """Waits until all of it is on the screen."""
        over = time.monotonic() + PATIENCE
        while not all(text in self.screen() for text in wanted):
            if time.monotonic() > over:
                raise AssertionError(f"{self.user} did not see {wanted}, but:\n{self.screen()}")
            await asyncio.sleep(0.1)

    async def gets(self, wanted):
        """Waits until it has come, shown or not."""
        over = time.monotonic() + PATIENCE
        while wanted not in self.log.read_text():
            assert time.monotonic() < over, f"{self.user} did not get {wanted}"
            await asyncio.sleep(0.1)

    async def types(self, line):
        self.tmux("send-keys", "-t", self.user, "-l", line)
        # Typed, and not pasted: Profanity completes what it reads at once.
        await asyncio.sleep(0.1)
        self.tmux("send-keys", "-t", self.user, "Enter")

    async def clears(self):
        """So that what is seen next is new."""
        await self.types("/clear")
        await asyncio.sleep(0.2)

    async def comes(self):
        await self.sees("[offline]")
        await self.types(f"/connect {self.jid}/stock server {HOST} port {PORT} tls disable")
        await self.sees("Enter password:")
        await self.types("secret")
        await self.sees("logged in successfully")
        await self.clears()
        return self


async def create(alice):
    await alice.types(f"/join {ROOM} nick Alice")
    await alice.sees("You have joined the room as Alice, role: moderator, affiliation: owner", "Room locked")
    ok("create")
    await alice.types("/room config")
    await alice.sees("[field1] Name: tea", "[field6] For members only: TRUE")
    await alice.types('/field1 "Tea at five"')
    await alice.sees("Field updated", "Tea at five")
    await alice.types("/form submit")
    await alice.sees("Room configuration successful")
    ok("configure")
    await alice.clears()
    await alice.types(f"/disco info {ROOM}")
    await alice.types("/win 1")
    await alice.sees("Tea at five text conference", "muc_membersonly", "muc_nonanonymous")
    ok("discover")
    await alice.types("/win 2")


async def invite(alice, bob):
    await alice.types(f"/invite send {bob.jid} Tea is ready")
    await bob.sees("Chat room invite received", f"Room   : {ROOM}", "Message: Tea is ready")
    ok("invite")
    await bob.types(f"/join {ROOM}")
    await bob.sees("You have joined the room as bob, role: participant, affiliation: member", "Alice")
    await alice.sees("bob")
    ok("join")


async def talk(alice, bob, carol):
    await alice.types(f"/affiliation set member {carol.boundjid.bare}")
    await carol.hear("that she is a member", lambda s: "addmember" in str(s))
    carol.send_presence(pto=SERVICE)
    carol.send_message(mto=ROOM, mbody="From the slim one", mtype="groupchat")
    await carol.message("From the slim one")
    for terminal in (alice, bob):
        await terminal.sees("carol: From the slim one")
    await bob.types("From the stock one")
    copy = await carol.message("From the stock one")
    assert copy["from"].resource == "bob" and stanza_id(copy), copy
    for terminal in (alice, bob):
        await terminal.sees("bob: From the stock one")
        # Who says something sees it before it comes back.
        await terminal.gets(f'id="{stanza_id(copy)}"')
        shown = terminal.screen()
        assert shown.count("From the stock one") == 1, f"{terminal.user} sees it more than once:\n{shown}"
    ok("talk")
    ok("stanza-id")
    await alice.types("/subject set Scones")
    await bob.sees("*Alice has set the room subject: Scones")
    ok("subject")
    await bob.types("/nick Robert")
    await alice.sees("** bob is now known as Robert")
    ok("nick")


async def history(bob, carol):
    await bob.types("/close")
    await bob.sees("Closed window")
    carol.send_message(mto=ROOM, mbody="While you were away", mtype="groupchat")
    await carol.message("While you were away")
    await bob.types(f"/join {ROOM} nick Robert")
    await bob.sees("Robert: From the stock one", "carol: While you were away", "Room subject: Scones")
    ok("history")


async def look_after(alice, bob, carol):
    await alice.clears()
    await alice.types("/affiliation list owner")
    await alice.sees("Affiliation: owner", alice.jid)
    await alice.types("/affiliation list member")
    await alice.sees("Affiliation: member", bob.jid, carol.boundjid.bare)
    await alice.types(f"/affiliation set none {carol.boundjid.bare}")
    await carol.hear("that she is removed", lambda s: "removemember" in str(s))
    ok("remove")
    await alice.types("/kick Robert Mind the cups")
    await bob.sees("Kicked from", "by Alice, reason: Mind the cups")
    ok("kick")
    await bob.types(f"/join {ROOM} nick Robert")
    await bob.sees("You have joined the room as Robert")
    await alice.types(f"/ban {bob.jid} For good")
    await bob.sees("Banned from", "by Alice, reason: For good")
    await bob.types(f"/join {ROOM} nick Robert")
    await bob.sees("Error joining room", "forbidden")
    await alice.clears()
    await alice.types("/affiliation list outcast")
    await alice.sees("Affiliation: outcast", bob.jid)
    ok("ban")
    ok("affiliations")
    await alice.types("/room destroy")
    await alice.sees("Room destroyed")
    ok("destroy")


async def play():
    carol = await Client("carol").come()
    terminals = []
    try:
        for user in ("alice", "bob"):
            terminals.append(Terminal(user))
        alice, bob = [await terminal.comes() for terminal in terminals]
        await create(alice)
        await invite(alice, bob)
        await talk(alice, bob, carol)
        await history(bob, carol)
        await look_after(alice, bob, carol)
    finally:
        for terminal in terminals:
            Path(FOLDER, f"{terminal.user}.txt").write_text(terminal.screen())
        Terminal.tmux("kill-server")
    carol.disconnect()


version = subprocess.run(["profanity", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
print(version.replace(", version", ""), flush=True)
tell(play())
