// Somebody in front of the page, in a browser of his own.

import { tell } from "./director.mjs";

/** How long anything may take on a busy machine; in milliseconds. */
export const PATIENCE = 30_000;

/** What a part of the page is called, in the languages of those who look at it. */
const WORDS = {
  en: {
    message: "Message",
    send: "Send",
    details: "About the group",
    newGroup: "New group",
    back: "Back",
    close: "Close",
  },
  zh: { message: "消息", send: "发送", details: "群组信息", newGroup: "新建群组", back: "返回", close: "关闭" },
};

export class Person {
  constructor(page, name, words) {
    this.page = page;
    this.name = name;
    this.words = words;
  }

  /** Opens the page. An error of its scripts ends the story. */
  static async arrive(browser, name, address, look) {
    const context = await browser.newContext(look);
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const problems = [];
    page.on("pageerror", (problem) => problems.push(problem.stack));
    await page.goto(address);
    const person = new Person(page, name, WORDS[look.locale.slice(0, 2)]);
    person.problems = problems;
    return person;
  }

  async logIn(password) {
    await this.page.locator("input[name=username]").fill(this.name);
    await this.page.locator("input[name=password]").fill(password);
    await this.page.locator("form button.primary").click();
    await this.page.locator(".main").waitFor();
    tell(`${this.name} is logged in`);
  }

  row(group) {
    return this.page.locator(".row", { hasText: group });
  }

  async open(group) {
    await this.row(group).click();
    await this.field.waitFor();
  }

  get field() {
    return this.page.getByRole("textbox", { name: this.words.message, exact: true });
  }

  /** Says something; on a phone by the button. */
  async say(text) {
    await this.field.fill(text);
    await this.page.getByRole("button", { name: this.words.send, exact: true }).click();
  }

  /** Waits until this was said, and tells which message it is. */
  async sees(text) {
    const message = this.message(text);
    await message.first().waitFor();
    return message;
  }

  message(text) {
    return this.page.locator(".message", { has: this.page.locator(".body", { hasText: text }) });
  }

  /** Waits until what this person said is in this state: pending, stored, read, or read-all. */
  async stands(text, state) {
    await this.message(text).locator(`.ticks[data-state=${state}]`).waitFor();
  }

  /** Waits until the page says that the connection stands so. */
  async status(status) {
    await this.page.locator(`.state[data-status=${status}]`).waitFor({ state: "attached" });
  }

  /** The texts of all messages that are loaded, in the order in which they are shown. */
  async texts() {
    return this.page.locator(".message .body").allTextContents();
  }

  /** The stanza-ids of the same. */
  async ids() {
    return this.page.locator(".message").evaluateAll((messages) => messages.map((message) => message.dataset.id));
  }

  /** Opens what there is to know of the group. */
  async details() {
    await this.page
      .locator(".conversation header button", { has: this.page.locator("svg") })
      .last()
      .click();
    const dialog = this.page.getByRole("dialog");
    await dialog.waitFor();
    return dialog;
  }

  async closeDialog() {
    await this.page.getByRole("button", { name: this.words.close, exact: true }).click();
    await this.page.getByRole("dialog").waitFor({ state: "detached" });
  }

  /** Takes a picture if pictures are asked for. */
  async picture(name) {
    const folder = process.env.PAGE_PICTURES;
    if (!folder) return;
    await this.page.evaluate(() => document.activeElement?.blur());
    await this.page.waitForTimeout(400);
    await this.page.screenshot({ path: `${folder}/${name}.png`, scale: "css" });
  }
}
