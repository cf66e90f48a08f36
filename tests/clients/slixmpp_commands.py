"""A stock client in the hands of an administrator: slixmpp's own plugin for ad-hoc commands (XEP-0050).

Run by tests/tests/stock_clients.rs with: host, port, domain of the users, domain of the service. Prints a line `ok <what>`
for each thing that works, and ends with an error at the first that does not. Alice is an administrator, bob is not.
"""

import asyncio
import sys

import slixmpp
from slixmpp.exceptions import IqError

HOST, PORT, USERS, SERVICE = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
PATIENCE = 20


class Client(slixmpp.ClientXMPP):
    """A client that can use commands."""

    def __init__(self, user):
        super().__init__(f"{user}@{USERS}/stock", "secret")
        for plugin in ["xep_0004", "xep_0030", "xep_0050"]:
            self.register_plugin(plugin)
        self["feature_mechanisms"].unencrypted_plain = True
        self.add_event_handler("session_start", self.started)
        self.ready = asyncio.get_event_loop().create_future()

    async def started(self, _):
        self.send_presence()
        self.ready.set_result(None)

    async def come(self):
        self.connect((HOST, PORT), force_starttls=False, disable_starttls=True)
        await asyncio.wait_for(self.ready, PATIENCE)
        return self

    async def commands(self):
        answer = await self["xep_0050"].get_commands(SERVICE)
        return {node: name for _, node, name in answer["disco_items"]["items"]}

    async def use(self, node, **fields):
        """Begins a command, fills in its form as a person would, and completes it; what is noted, and the form that comes."""
        commands = self["xep_0050"]
        asked = (await commands.send_command(SERVICE, node, timeout=PATIENCE))["command"]
        if asked["status"] == "executing":
            assert "complete" in asked["actions"], asked
            form = asked["form"]
            known = form.get_fields()
            assert set(fields) <= set(known), known
            values = {name: field["value"] for name, field in known.items() if field["value"] not in (None, "")}
            missing = [name for name, field in known.items() if field["required"] and name not in fields]
            assert not missing, missing
            answer = self["xep_0004"].make_form(ftype="submit")
            for name, value in {**values, **fields}.items():
                answer.add_field(var=name, value=value)
            session = asked["sessionid"]
            asked = await commands.send_command(
                SERVICE, node, action="complete", payload=answer, sessionid=session, timeout=PATIENCE
            )
            asked = asked["command"]
        assert asked["status"] == "completed", asked
        return asked["notes"], asked["form"]


def ok(what):
    print(f"ok {what}", flush=True)


async def administer(alice):
    assert {"groups", "create", "freeze", "status"} <= set(await alice.commands())
    ok("list commands")
    notes, form = await alice.use("status")
    assert form.get_fields()["link"]["value"] == "up", form
    ok("status")
    notes, _ = await alice.use("create", id="tea", owner=f"bob@{USERS}", name="下午茶")
    assert notes == [("info", "done")], notes
    ok("create")
    notes, form = await alice.use("groups")
    rows = list(form["items"])
    assert [(row["id"], row["name"]) for row in rows] == [("tea", "下午茶")], form
    ok("list groups")
    notes, _ = await alice.use("freeze", id="tea")
    assert notes == [("info", "done")], notes
    notes, form = await alice.use("group", id="tea")
    assert form.get_fields()["frozen"]["value"] == "on", form
    ok("freeze")
    notes, _ = await alice.use("create", id="tea", owner=f"bob@{USERS}")
    assert notes[0][0] == "error" and "taken" in notes[0][1], notes
    ok("refusal")


async def stay_outside(bob):
    assert await bob.commands() == {}
    try:
        await bob["xep_0050"].send_command(SERVICE, "status", timeout=PATIENCE)
    except IqError as error:
        assert error.condition == "forbidden", error
    else:
        raise AssertionError("bob may")
    ok("forbidden")


async def main():
    alice, bob = await Client("alice").come(), await Client("bob").come()
    await administer(alice)
    await stay_outside(bob)
    for client in (alice, bob):
        await client.disconnect()


asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 120))
