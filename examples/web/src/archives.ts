// Reading archives by pages, of one group or of all of one's groups. What comes belongs to a question that is being
// answered, or it is not taken for part of an archive. Not here: what becomes of what comes.

import type { Element } from "@xmpp/xml";

import type { Group } from "./group";
import * as gc from "./groupchat";
import { Refused, type Link } from "./link";

/** Messages of one page when one looks back, and when one reads on. */
const PAGE_BACK = 50;
const PAGE_ON = 100;
/** Who missed more pages than this starts anew, from the end. */
const MISSED_PAGES_MAX = 20;

export class Archives {
  /** The queries under way, by the id that nobody else knows; whose archive each of them asks for. */
  private asked = new Map<string, string>();

  constructor(private link: Link) {}

  /** Asks for a page. What is in it comes as stanzas before this ends; then tells how the page ended. */
  async page(of: string, wanted: gc.ArchivePage): Promise<ReturnType<typeof gc.readFin>> {
    const queryId = crypto.randomUUID();
    this.asked.set(queryId, of);
    try {
      return gc.readFin(await this.link.ask(gc.archiveQuery(of, queryId, wanted)));
    } finally {
      this.asked.delete(queryId);
    }
  }

  /** What a stanza brings of an archive, if it comes from the one that was asked, for the query that asked it. */
  received(stanza: Element): { news: gc.News | undefined } | undefined {
    const archived = gc.readArchived(stanza);
    const of = this.asked.get(archived?.queryId ?? "");
    return archived && of !== undefined && stanza.attrs.from === of ? archived : undefined;
  }

  /**
   * Reads what was said in all groups, and tells after each page up to where. Gives false if it is too much, or the place
   * is there no more.
   */
  async missed(service: string, after: string, reached: (to: string) => void): Promise<boolean> {
    try {
      for (let page = 0; page < MISSED_PAGES_MAX; page++) {
        const fin = await this.page(service, { max: PAGE_ON, after });
        after = fin.last ?? after;
        reached(after);
        if (fin.complete) return true;
      }
    } catch (problem) {
      if (!isGone(problem)) throw problem;
    }
    return false;
  }

  /**
   * Reads a group's archive from its end, until something is shown; or from where one has read back to, until something
   * older is.
   */
  async back(group: Group): Promise<void> {
    const { timeline } = group;
    if (timeline.complete) return;
    const oldest = timeline.begin === undefined ? undefined : timeline.oldest;
    do {
      const { begin } = timeline;
      const fin = await this.page(group.jid, { max: PAGE_BACK, before: begin ?? "" });
      // It was forgotten meanwhile, or somebody else read on.
      if (timeline.begin !== begin) return;
      if (begin === undefined) group.archivedTo = fin.last ?? group.archivedTo;
      if (fin.complete || fin.first === undefined) timeline.complete = true;
      timeline.begin = fin.first ?? begin;
    } while (!timeline.complete && timeline.oldest === oldest);
  }

  /** Reads on from where one has read to. If the archive does not have that place any more, all is forgotten. */
  async on(group: Group): Promise<void> {
    for (let complete = false; !complete;) {
      // Without one there was nothing in it.
      const after = group.archivedTo;
      try {
        const fin = await this.page(group.jid, { max: PAGE_ON, after });
        // It was forgotten meanwhile.
        if (after !== undefined && group.archivedTo === undefined) return;
        const last = fin.last ?? after;
        // Somebody else may have read further.
        if (last !== undefined && last > (group.archivedTo ?? "")) group.archivedTo = last;
        complete = fin.complete || fin.last === undefined;
      } catch (problem) {
        if (!isGone(problem)) throw problem;
        if (group.archivedTo === after) group.forget();
        return;
      }
    }
  }
}

/** Does an archive say that it does not have the place that was asked for? */
function isGone(problem: unknown): boolean {
  return problem instanceof Refused && problem.failure.condition === "item-not-found";
}
