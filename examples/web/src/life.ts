// Whether the service is there: it is asked now and then while all is well, and often while it is away.

/** In milliseconds. */
const WHILE_WELL = 45_000;
const WHILE_AWAY = 1_500;

export class Life {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Asking that began in an earlier round has nothing to say any more. */
  private round = 0;

  constructor(
    /** Rejects if there is no sign of life. */
    private ask: () => Promise<unknown>,
  ) {}

  /** Stops asking. */
  stop(): void {
    this.round++;
    clearTimeout(this.timer);
  }

  /** Asks until there is no answer. */
  watch(lost: (problem: unknown) => void): void {
    this.again(WHILE_WELL, () => this.watch(lost), lost);
  }

  /** Asks until there is an answer. */
  wait(found: () => void): void {
    this.again(WHILE_AWAY, found, () => this.wait(found));
  }

  private again(after: number, alive: () => void, dead: (problem: unknown) => void): void {
    this.stop();
    const round = this.round;
    const ifCurrent = (then: () => void) => round === this.round && then();
    this.timer = setTimeout(() => {
      this.ask().then(
        () => ifCurrent(alive),
        (problem: unknown) => ifCurrent(() => dead(problem)),
      );
    }, after);
  }
}
