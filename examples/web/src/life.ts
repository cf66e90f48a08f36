// Whether the service is there: it is asked now and then while all is well; while it is away or busy soon, and then less and
// less often.

/** In milliseconds. */
const WHILE_WELL = 45_000;
const WHILE_AWAY_MIN = 1_500;
const WHILE_AWAY_MAX = 30_000;

export class Life {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Asking that began in an earlier round has nothing to say any more. */
  private round = 0;
  /** How often it was waited for, since it last was well for a while. */
  private waits = 0;

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
    const well = () => {
      this.waits = 0;
      this.watch(lost);
    };
    this.again(WHILE_WELL, well, lost);
  }

  /** Asks until there is an answer. */
  wait(found: () => void): void {
    const delay = Math.min(WHILE_AWAY_MIN * 2 ** this.waits++, WHILE_AWAY_MAX);
    // All who had it lost it in the same moment; they are not to come back in the same one.
    this.again(delay * (0.5 + Math.random() / 2), found, () => this.wait(found));
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
