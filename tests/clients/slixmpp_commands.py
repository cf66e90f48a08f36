"""A stock client in the hands of an administrator: slixmpp's own plugin for ad-hoc commands (XEP-0050).

Run by tests/tests/stock_clients.rs as story.py says. Alice is an administrator, bob is not.
"""

import slixmpp

import story
from story import PATIENCE, SERVICE, USERS, ok, refused, tell


class Client(story.Client):
    """A client that can use commands."""

    def __init__(self, user):
        super().__init__(user)
        for plugin in ["xep_0004", "xep_0050"]:
            self.register_plugin(plugin)

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
    await refused("forbidden", bob["xep_0050"].send_command(SERVICE, "status", timeout=PATIENCE))
    ok("forbidden")


async def play():
    alice, bob = await Client("alice").come(), await Client("bob").come()
    await administer(alice)
    await stay_outside(bob)
    for client in (alice, bob):
        client.disconnect()


print(f"slixmpp {slixmpp.__version__}", flush=True)
tell(play())
