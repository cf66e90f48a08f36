// The story that the page is tested with: two people in browsers, a third with another client, through everything that
// can happen to a group in an evening. `tests/tests/web.rs` holds the servers and plays the third.

import assert from "node:assert/strict";

import { chromium } from "playwright-core";

import { ask, end, tell } from "./director.mjs";
import { Person } from "./person.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const GROUP = "Tea at five";
const RENAMED = "Tea & 茶";
/** Groups besides: their names, people, and what is said first. */
const MORE_GROUPS = [
  ["周末爬山", ({ third }) => `bob, ${third}`, "周六早上八点，东门集合？"],
  ["Book club", () => "bob", "Chapter seven by Thursday, please."],
  ["Rehearsal – Saturday", ({ third }) => `bob ${third}`, "Who has the keys?"],
];
/** Messages that are more than one page of the archive. */
const MANY = 60;

const DESK = { viewport: { width: 1180, height: 760 }, locale: "en-GB", colorScheme: "light" };
const PHONE = {
  viewport: { width: 390, height: 760 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "zh-CN",
  colorScheme: "dark",
};

const site = await ask("begin");
const browser = await chromium.launch({ executablePath: site.browser, args: FLAGS });
try {
  const alice = await Person.arrive(browser, "alice", site.pages[0], DESK);
  const bob = await Person.arrive(browser, "bob", site.pages[1], PHONE);
  await begin(alice, bob);
  await talk(alice, bob);
  await mention(alice, bob);
  await goOffline(alice, bob);
  await restart(alice, bob);
  await readBack(alice, bob);
  await strangeTexts(alice, bob);
  await muteAndLeave(alice, bob);
  assert.deepEqual([...alice.problems, ...bob.problems], []);
  tell("the end");
} finally {
  await browser.close();
  end();
}

/** A group is made, one is added there, another later. */
async function begin(alice, bob) {
  await alice.logIn(site.password);
  await bob.logIn(site.password);
  for (const [name, people, text] of MORE_GROUPS) {
    await create(alice, name, people(site));
    await alice.say(text);
    await alice.stands(text, "stored");
  }
  await create(alice, GROUP, "bob");
  await bob.row(GROUP).waitFor();
  await bob.open(GROUP);
  const dialog = await alice.details();
  await dialog.getByLabel("Add people").fill(site.third);
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await dialog.locator(".members li", { hasText: site.third }).waitFor();
  assert.equal(await dialog.locator(".members li").count(), 3);
  assert.equal(await dialog.locator(".role").allTextContents().then(String), "Owner");
  await alice.closeDialog();
  await alice.page.getByText(`${site.third} joined the group`).waitFor();
  await bob.page.getByText(`${site.third}加入了群组`).waitFor();
  await ask("third is added", { group: await address(alice) });
}

async function create(person, name, people) {
  await person.page.getByRole("button", { name: "New group" }).first().click();
  await person.page.getByLabel("Name of the group").fill(name);
  await person.page.getByLabel("People").fill(people);
  await person.page.getByRole("button", { name: "Create" }).click();
  await person.page.locator(".conversation header", { hasText: name }).waitFor();
}

async function address(person) {
  return decodeURIComponent(new URL(person.page.url()).hash.slice(1));
}

/** What is said is stored, then read by one, then by all. */
async function talk(alice, bob) {
  await bob.page.goBack();
  await alice.say("Five o'clock at my place. Milk or lemon?");
  await alice.stands("Milk or lemon?", "stored");
  await bob.row(GROUP).locator(".badge", { hasText: "1" }).waitFor();
  await bob.open(GROUP);
  await bob.sees("Milk or lemon?");
  await alice.stands("Milk or lemon?", "read");
  assert.equal(await alice.message("Milk or lemon?").locator(".count").textContent(), "1/2");
  await ask("third reads", { text: "Milk or lemon?" });
  await alice.stands("Milk or lemon?", "read-all");
  await bob.say("Lemon, please. I bring the biscuits.");
  await alice.sees("I bring the biscuits");
  await bob.stands("I bring the biscuits", "read");
  tell("ticks tell what was read");
}

/** A name is completed after an `@`; who is mentioned sees it in the list and in the text. */
async function mention(alice, bob) {
  await alice.field.pressSequentially(`@${[...site.third][0]}`);
  await alice.page.getByRole("option", { name: site.third }).waitFor();
  await alice.page.keyboard.press("Enter");
  await alice.page.keyboard.type("have you still got that oolong?");
  await alice.page.keyboard.press("Enter");
  await alice.sees(`@${site.third} have you still got that oolong?`);
  await ask("third is mentioned", { text: "have you still got that oolong?" });
  await bob.page.goBack();
  await ask("third says", { text: "@bob 有，我带来。五点见！", mention: "bob" });
  await bob.row(GROUP).locator(".badge.mention").waitFor();
  await bob.picture("web-inbox");
  await bob.open(GROUP);
  await (await bob.sees("五点见")).locator("mark.own", { hasText: "@bob" }).waitFor();
  await alice.sees("五点见");
  await alice.say("Lovely. 🫖");
  await alice.stands("Lovely", "read");
  await ask("third reads", { text: "Lovely" });
  await alice.stands("Lovely", "read-all");
  await alice.picture("web-desktop");
  await bob.picture("web-phone");
  tell("mentions are seen");
}

/** One is cut off; what was said meanwhile comes when the network is back, in its order and once, and so does his own. */
async function goOffline(alice, bob) {
  await ask("network", { up: false });
  await bob.status("offline");
  await bob.say("Said in the tunnel");
  await bob.stands("Said in the tunnel", "pending");
  for (const text of ["missed 1", "missed 2"]) await alice.say(text);
  await alice.stands("missed 2", "stored");
  const dialog = await alice.details();
  await dialog.getByLabel("Name of the group").fill(RENAMED);
  await dialog.getByRole("button", { name: "Rename" }).click();
  await dialog.getByRole("heading", { name: RENAMED }).waitFor();
  await alice.closeDialog();
  await ask("third says", { text: "missed 3" });
  await ask("network", { up: true });
  await bob.status("online");
  for (const text of ["missed 1", "missed 2", "missed 3"]) await bob.sees(text);
  await bob.page.getByText(`群组改名为“${RENAMED}”`).waitFor();
  await bob.page.locator(".conversation header", { hasText: RENAMED }).waitFor();
  await alice.sees("Said in the tunnel");
  await bob.message("Said in the tunnel").locator(".ticks:not([data-state=pending])").waitFor();
  await sameFor(alice, bob);
  tell("who was away has caught up");
}

/** The service restarts while people write; what they say waits, and arrives once. */
async function restart(alice, bob) {
  await ask("service", { up: false });
  await alice.say("While it was away");
  await bob.say("同时");
  await alice.status("waiting");
  await bob.status("waiting");
  await alice.stands("While it was away", "pending");
  await ask("service", { up: true });
  await alice.status("online");
  await bob.status("online");
  await alice.sees("同时");
  await bob.sees("While it was away");
  await alice.message("While it was away").locator(".ticks:not([data-state=pending])").waitFor();
  await ask("third says", { text: "还在" });
  await alice.sees("还在");
  await sameFor(alice, bob);
  tell("the restart lost nothing");
}

/** Both have the same messages in the same order, each once; and the third has them, too. */
async function sameFor(alice, bob) {
  const settled = async () => {
    const [hers, his] = [await alice.ids(), await bob.ids()];
    return JSON.stringify(hers) === JSON.stringify(his) && hers.every(Boolean);
  };
  for (let attempt = 0; attempt < 100 && !(await settled()); attempt++) await alice.page.waitForTimeout(100);
  const [hers, his] = [await alice.ids(), await bob.ids()];
  assert.deepEqual(hers, his);
  assert.equal(new Set(hers).size, hers.length, "something is shown twice");
  assert.deepEqual(await alice.texts(), await bob.texts());
  await ask("third has", { texts: await alice.texts() });
}

/** A page that is opened anew reads the end of the archive, and what is before when one scrolls there. */
async function readBack(alice, bob) {
  await ask("third says many", { count: MANY });
  await alice.sees(`number ${MANY}.`);
  await bob.page.reload();
  await bob.logIn(site.password);
  // The page's address still names the group.
  await bob.field.waitFor();
  await bob.sees(`number ${MANY}.`);
  assert.equal(await bob.message("number 1.").count(), 0, "more than a page was read");
  for (let attempt = 0; attempt < 100 && (await bob.page.getByText(`群组“${GROUP}”已创建`).count()) === 0; attempt++) {
    await bob.page.locator(".messages").evaluate((box) => box.scrollTo({ top: 0 }));
    await bob.page.waitForTimeout(100);
  }
  await bob.sees("Milk or lemon?");
  await sameFor(alice, bob);
  tell("the history is whole");
}

/** Whatever is written is text, and stays within its bubble. */
async function strangeTexts(alice, bob) {
  await bob.page.locator(".to-end").click();
  const texts = [
    "<img src=x onerror=alert(1)> <b>bold</b> &amp;",
    "Donaudampfschifffahrtsgesellschaft".repeat(6),
    "مرحبا، كيف الحال؟",
  ];
  for (const text of texts) {
    await alice.say(text);
    await bob.sees(text);
  }
  assert.equal(await bob.page.locator(".messages img, .messages b").count(), 0, "text became markup");
  const direction = await bob
    .message("مرحبا")
    .locator(".body")
    .evaluate((body) => getComputedStyle(body).direction);
  assert.equal(direction, "rtl");
  for (const { page } of [alice, bob]) {
    const over = await page.locator(".messages").evaluate((box) => box.scrollWidth - box.clientWidth);
    assert.equal(over, 0, "something is wider than the page");
  }
  tell("strange texts are texts");
}

/** A muted group is quiet and says so; who leaves is gone for all. */
async function muteAndLeave(alice, bob) {
  let dialog = await bob.details();
  await dialog.getByRole("button", { name: "静音", exact: true }).click();
  await dialog.getByRole("button", { name: "取消静音" }).waitFor();
  await dialog.getByRole("button", { name: "取消静音" }).click();
  await dialog.getByRole("button", { name: "静音", exact: true }).waitFor();
  bob.page.once("dialog", (question) => question.accept());
  await dialog.getByRole("button", { name: "退出群组" }).click();
  await bob.row(RENAMED).waitFor({ state: "detached" });
  await alice.page.getByText("bob left the group").waitFor();
  dialog = await alice.details();
  await dialog.locator(".members li").nth(1).waitFor();
  assert.equal(await dialog.locator(".members li").count(), 2);
  await alice.closeDialog();
  tell("one has left");
}
