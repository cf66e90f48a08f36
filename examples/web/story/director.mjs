// Speaks to the program that holds the servers: it is asked to do something in a line of JSON, and answers in one.

import { createInterface } from "node:readline";

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks for something to be done outside of the browsers; gives the answer when it is done. */
export async function ask(what, details = {}) {
  process.stdout.write(`${JSON.stringify({ ask: what, ...details })}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`nobody answered to ${what}`);
  const answer = JSON.parse(value);
  if (answer.error) throw new Error(`${what}: ${answer.error}`);
  return answer;
}

/** Tells what is going on, for whoever reads why it failed. */
export function tell(text) {
  process.stdout.write(`${JSON.stringify({ tell: text })}\n`);
}

/** All is told; whoever holds the servers ends them. */
export function end() {
  process.stdin.destroy();
}
