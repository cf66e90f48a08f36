// Up to where a device has everything that was said in its groups, for the next catching up.

/** Live copies of different groups may overtake each other by this much; in milliseconds. */
const OVERTAKING_MAX = 30_000;

export class Position {
  /** A stanza-id; nothing up to it is missing. */
  to: string | undefined;
  private recent: { id: string; at: number }[] = [];

  /** The archive was read up to here. */
  set(id: string | undefined): void {
    this.to = id;
    this.recent = [];
  }

  /** This came live. What was said before it may still be on its way. */
  heard(id: string): void {
    const now = Date.now();
    this.recent.push({ id, at: now });
    for (let first = this.recent[0]; first && first.at < now - OVERTAKING_MAX; first = this.recent[0]) {
      this.recent.shift();
      if (this.to === undefined || first.id > this.to) this.to = first.id;
    }
  }
}
