// A stock client in the groups of the service: Converse.js in a real browser, beside a client of the protocol's own.
//
// Run by tests/tests/stock_clients.rs; story.js says with what. A picture of the room is left in the folder.

import { createServer } from "node:http";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { xml } from "@xmpp/client";
import { chromium } from "playwright-core";
import {
  FOLDER, NS, PATIENCE_MS, PICTURE, PICTURE_HASH, Person, ROOM, SERVICE, USERS, WEBSOCKET, check, ok, stanzaId, tell,
} from "./story.js";

const CONVERSE = join(dirname(fileURLToPath(import.meta.url)), "node_modules/converse.js/dist");
const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
/** Where Converse shows the picture of a room, when it is this one. */
const SHOWN = `converse-muc-heading converse-avatar image[href$="${PICTURE}"]`;
/** A group of the client of the protocol's own. */
const GARDEN = `garden@${SERVICE}`;
/** A fresh browser that talks to nobody but this machine. */
const BROWSER = [
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const SETTINGS = {
  allow_url_history_change: false,
  assets_path: "/",
  authentication: "login",
  auto_join_on_invite: false,
  discover_connection_methods: false,
  i18n: "en",
  loglevel: "debug",
  play_sounds: false,
  show_desktop_notifications: "never",
  view_mode: "fullscreen",
  websocket_url: WEBSOCKET,
  whitelisted_plugins: ["story"],
};
/** The story looks into the client only for ids that it does not show. */
const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Converse</title><link rel="stylesheet" href="/converse.min.css"></head>
<body class="converse-fullscreen">
<script type="module">
import "/converse.min.js";
converse.plugins.add("story", { initialize() { window.client = this._converse; } });
converse.initialize(${JSON.stringify(SETTINGS)});
</script>
</body>
</html>`;

/** Serves the page and Converse on the loopback interface. */
function serve() {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    try {
      const text = path === "/" ? PAGE : await readFile(join(CONVERSE, path));
      response.writeHead(200, { "content-type": TYPES[extname(path) || ".html"] ?? "application/octet-stream" });
      response.end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server)));
}

/** Somebody at a browser with Converse. */
class Reader {
  constructor(user, context, url) {
    Object.assign(this, { user, context, url, jid: `${user}@${USERS}`, log: [] });
  }

  async open() {
    this.page = await this.context.newPage();
    this.page.setDefaultTimeout(PATIENCE_MS);
    this.page.on("console", (line) => this.log.push(line.text()));
    this.page.on("pageerror", (error) => this.log.push(`uncaught: ${error}`));
    await this.page.goto(this.url);
  }

  async come() {
    await this.open();
    await this.page.fill("#converse-login-jid", this.jid);
    await this.page.fill("#converse-login-password", "secret");
    await this.page.click("#converse-login button[type=submit]");
    await this.page.waitForSelector("converse-user-profile");
    return this;
  }

  /** Waits until a stanza has come that is from there and holds this. */
  async gets(from, part) {
    const isIt = (line) => line.includes(`from="${from}"`) && line.includes(part);
    for (const end = Date.now() + PATIENCE_MS; !this.log.some(isIt); ) {
      check(Date.now() < end, `${this.user} did not get it`, part);
      await this.page.waitForTimeout(50);
    }
  }

  /** What is in the open room. */
  room(selector) {
    return this.page.locator(`converse-muc[jid="${ROOM}"] ${selector}`);
  }

  /** One of the things in the menu above the list of rooms. */
  menu(entry) {
    // Not by opening the menu: it is drawn anew, and closed, whenever something happens.
    return this.page.locator(entry).dispatchEvent("click");
  }

  /** Closes what lies above the page. */
  async leave(dialogue) {
    await this.page.keyboard.press("Escape");
    await dialogue.waitFor({ state: "hidden" });
  }

  async enter(nick) {
    await this.menu(".show-add-muc-modal");
    await this.page.fill("converse-add-muc-modal input[name=chatroom]", ROOM);
    await this.page.fill("converse-add-muc-modal input[name=nickname]", nick);
    await this.page.click("converse-add-muc-modal input[type=submit]");
    await this.inside();
  }

  inside() {
    return this.room("textarea.chat-textarea").waitFor();
  }

  /** Types into the room: a message, or a command. */
  async type(text) {
    await this.room("textarea.chat-textarea").fill(text);
    await this.room("textarea.chat-textarea").press("Enter");
  }

  /** A message of the room as it is shown, and its id; once. */
  async sees(body, author) {
    const shown = this.room(".chat-msg").filter({ hasText: body });
    await shown.first().waitFor();
    check((await shown.count()) === 1, `${this.user} sees it more than once`, body);
    const message = await this.page.evaluate(
      ([room, body]) => {
        const found = window.client.state.chatboxes.get(room).messages.models.find((m) => m.get("body") === body);
        return { from: found.get("from"), id: found.get(`stanza_id ${room}`), occupant: found.get("occupant_id") };
      },
      [ROOM, body],
    );
    check(message.from === `${ROOM}/${author}`, `${body} is not by ${author}`, message.from);
    return message;
  }

  /** What the room says of itself: a line among the messages, or why one is not in it. */
  notice(text) {
    return this.room("").getByText(text).first().waitFor();
  }

  /** One of the things in the menus of the room. */
  button(name) {
    return this.room(name).first().dispatchEvent("click");
  }

  /** Brings the room to the front after a login. */
  async show() {
    await this.page.locator(`.open-room[data-room-jid="${ROOM}"]`).click();
    await this.inside();
  }

  occupant(nick) {
    // Converse shows somebody twice who was in a list of members before he came.
    return this.room("converse-muc-occupants .occupant-nick").getByText(nick, { exact: true }).first();
  }

  title(text) {
    return this.room("converse-muc-heading .chatbox-title__text").filter({ hasText: text }).waitFor();
  }
}

async function discover(alice, carol) {
  const name = { name: "name" };
  await carol.send("presence", { to: SERVICE });
  await carol.send(
    "presence",
    { to: GARDEN },
    xml("x", { xmlns: `${NS.group}#creategroup` }),
    xml("properties", {}, xml("property", name, "Garden"), xml("property", { name: "visibility" }, "public")),
  );
  await carol.hear("that the garden is there", (s) => s.is("presence") && s.attrs.from.startsWith("garden@"));
  await alice.menu(".show-list-muc-modal");
  // The service is offered because it is found among what the host has.
  const list = alice.page.locator("converse-muc-list-modal");
  check((await list.locator("input[name=server]").inputValue()) === SERVICE, "the service is not offered");
  await list.locator("input[type=submit]").click();
  await list.locator(`.open-room[data-room-jid="${GARDEN}"]`).getByText("Garden").waitFor();
  await alice.leave(list);
  ok("discover");
}

/** By the room, on behalf of a client of the protocol's own, which need not say anything else to get a stock client in. */
async function inviteThroughRoom(bob, carol) {
  const invitation = xml("invite", { to: bob.jid }, xml("reason", {}, "Roses"));
  await carol.send("message", { to: GARDEN }, xml("x", `${NS.muc}#user`, invitation));
  const question = bob.page.locator("converse-confirm-modal");
  await question.getByText("Roses").waitFor();
  await question.locator("button[type=submit]").click();
  await bob.page.locator(`converse-muc[jid="${GARDEN}"] textarea.chat-textarea`).waitFor();
  ok("invited through the room");
  const avatar = xml("avatar", { type: "image/png" }, PICTURE);
  await carol.ask("set", GARDEN, xml("query", `${NS.group}#avatar`, avatar));
  await bob.page.locator(`converse-muc[jid="${GARDEN}"] ${SHOWN}`).waitFor();
}

async function create(alice) {
  await alice.enter("Alice");
  await alice.occupant("Alice").waitFor();
  ok("create");
  await alice.button(".configure-chatroom-button");
  const form = alice.page.locator("converse-muc-config-modal");
  await form.locator('input[name="muc#roomconfig_roomname"]').fill("Tea at five");
  const picture = { name: "cup.png", mimeType: "image/png", buffer: Buffer.from(PICTURE, "base64") };
  await form.locator("input[name=avatar_image]").setInputFiles(picture);
  await form.locator("input[type=submit]").click();
  await alice.title("Tea at five");
  ok("configure");
}

async function invite(alice, bob) {
  await alice.button(".open-invite-modal");
  const form = alice.page.locator("converse-muc-invite-modal");
  await form.locator("input[name=invitee_jids]").fill(bob.jid);
  await form.locator("textarea[name=reason]").fill("Tea is ready");
  await form.locator("input[type=submit]").click();
  const question = bob.page.locator("converse-confirm-modal");
  await question.getByText("Tea is ready").waitFor();
  ok("invite");
  // Her client makes him a member and invites him at once; his answer, unlike a person's, could be faster than the former.
  await bob.gets(ROOM, `${NS.group}#addmember`);
  await question.locator("button[type=submit]").click();
  // His nick is the one that the group has for him, which Converse asks for.
  await bob.inside();
  await alice.occupant("bob").waitFor();
  ok("join");
  await bob.room(SHOWN).waitFor();
}

async function talk(alice, bob, carol) {
  await alice.type(`/member ${carol.jid}`);
  await carol.hear("that she is a member", (s) => s.is("presence") && s.getChild("x", `${NS.group}#addmember`));
  const avatar = (await carol.ask("get", ROOM, xml("query", `${NS.group}#avatar`))).getChild("query").getChild("avatar");
  check(avatar?.attrs.hash === PICTURE_HASH, "it is known by something else", avatar);
  ok("picture");
  await carol.say("From the slim one", "slim-1");
  const heard = stanzaId(await carol.message("From the slim one"));
  for (const reader of [alice, bob]) {
    const seen = await reader.sees("From the slim one", "carol");
    check(heard && seen.id === heard, "two ids for one message", `${seen.id} and ${heard}`);
    check(seen.occupant === "carol", "another occupant id", seen.occupant);
  }
  await bob.type("From the stock one");
  const seen = await alice.sees("From the stock one", "bob");
  const copy = await carol.message("From the stock one");
  check(seen.id && seen.id === stanzaId(copy), "two ids for one message", `${seen.id} and ${stanzaId(copy)}`);
  check(copy.attrs.from === `${ROOM}/bob` && seen.occupant === "bob", "not by bob", copy);
  ok("talk");
  ok("stanza-id");
  ok("occupant-id");
  await alice.type("/topic Scones");
  await bob.room("converse-muc-heading .chat-head__desc").getByText("Scones").waitFor();
  ok("subject");
  // What Converse does whenever it is looked at again, or connected again.
  for (const reader of [alice, bob]) {
    const isJoined = await reader.page.evaluate((room) => window.client.state.chatboxes.get(room).isJoined(), ROOM);
    check(isJoined, `${reader.user} takes itself for gone`);
  }
  ok("self-ping");
  await bob.type("/nick Robert");
  await alice.occupant("Robert").waitFor();
  ok("nick");
}

/** More than Converse asks the archive for at once, so that it has to ask again. */
const CUPS = 70;

async function catchUp(bob, carol) {
  await bob.page.close();
  for (let cup = 1; cup <= CUPS; cup += 1) await carol.say(`Cup number ${cup}.`, `cup-${cup}`);
  const last = stanzaId(await carol.message(`Cup number ${CUPS}.`));
  await bob.come();
  await bob.show();
  check((await bob.sees(`Cup number ${CUPS}.`, "carol")).id === last, "another id in the archive");
  const first = bob.room(".chat-msg").filter({ hasText: "Cup number 1." });
  for (let tries = 0; (await first.count()) === 0 && tries < 40; tries += 1) {
    await bob.room(".chat-content").hover();
    await bob.page.mouse.wheel(0, -4000);
    await bob.page.waitForTimeout(250);
  }
  await bob.sees("Cup number 1.", "carol");
  await bob.sees("From the stock one", "bob");
  ok("archive");
}

async function lookAfter(alice, bob, carol) {
  await alice.type("/modtools");
  const tools = alice.page.locator("converse-modtools-modal");
  await tools.locator("#affiliations-tab").click();
  for (const [affiliation, users] of [["owner", ["alice"]], ["member", ["bob", "carol"]]]) {
    await tools.locator(".select-affiliation").first().selectOption(affiliation);
    await tools.locator("[name=users_with_affiliation]").click();
    for (const user of users) await tools.getByText(`${user}@${USERS}`).first().waitFor();
  }
  await alice.leave(tools);
  ok("affiliations");
  await alice.type(`/revoke ${carol.jid}`);
  await carol.hear("that she is removed", (s) => s.is("presence") && s.getChild("x", `${NS.group}#removemember`));
  ok("remove");
  await alice.type("/kick Robert Mind the cups");
  await bob.notice("You have been kicked from this groupchat");
  await bob.notice("Mind the cups");
  ok("kick");
  await bob.page.close();
  await bob.come();
  await bob.show();
  await alice.occupant("Robert").waitFor();
  await alice.type("/ban Robert For good");
  await bob.notice("You have been banned from this groupchat");
  ok("ban");
  await alice.type("/destroy");
  const question = alice.page.locator("converse-confirm-modal");
  await question.locator("input[name=challenge]").fill(ROOM);
  await question.locator("input[name=reason]").fill("It is late");
  await question.locator("button[type=submit]").click();
  await alice.page.locator(`converse-muc[jid="${ROOM}"]`).waitFor({ state: "detached" });
  await carol.ask("get", ROOM, xml("query", "http://jabber.org/protocol/disco#info")).then(
    () => check(false, "the room is still there"),
    (error) => check(error.condition === "item-not-found", "another error", error.condition),
  );
  ok("destroy");
}

async function story() {
  const server = await serve();
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: BROWSER,
    chromiumSandbox: false,
  });
  const readers = [];
  const reader = async (user) => {
    const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, serviceWorkers: "block" });
    const one = new Reader(user, context, url);
    readers.push(one);
    return one.come();
  };
  console.log(`Chromium ${browser.version()}`);
  try {
    const alice = await reader("alice");
    const version = await alice.page.evaluate(() => window.client.VERSION_NAME);
    console.log(`Converse.js ${version.replace(/^v/, "")}`);
    const bob = await reader("bob");
    const carol = await new Person("carol").come();
    await discover(alice, carol);
    await inviteThroughRoom(bob, carol);
    await create(alice);
    await invite(alice, bob);
    await talk(alice, bob, carol);
    await alice.page.screenshot({ path: join(FOLDER, "converse.png") });
    await catchUp(bob, carol);
    await lookAfter(alice, bob, carol);
    await carol.go();
  } catch (problem) {
    for (const { user, page, log } of readers) {
      await page.screenshot({ path: join(FOLDER, `${user}.png`) }).catch(() => {});
      await writeFile(join(FOLDER, `${user}.log`), log.join("\n"));
      const last = log.slice(-12).map((line) => line.slice(0, 500)).join("\n");
      console.error(`The end of what ${user}'s client said (all of it, and a picture, are in the folder):\n${last}\n`);
    }
    throw problem;
  } finally {
    await browser.close();
    server.close();
  }
}

await tell(story, 150);
