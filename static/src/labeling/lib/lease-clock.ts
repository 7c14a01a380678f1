/** Shows how long the task in hand is still lent, and warns before the end. */

const WARN_MS = 30_000;

export interface LeaseClockParts {
  readonly timer: HTMLElement;
  readonly warning: HTMLElement;
  /** Read aloud when it changes. */
  readonly text: HTMLElement;
}

export class LeaseClock {
  constructor(private readonly parts: LeaseClockParts) {}

  /** @param until on the page's own clock; undefined where no task is in hand. */
  show(until: number | undefined): void {
    const { timer, warning, text } = this.parts;
    if (until === undefined) {
      warning.hidden = true;
      timer.textContent = "";
      return;
    }
    const left = Math.max(0, Math.ceil((until - performance.now()) / 1_000));
    timer.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    warning.hidden = left * 1_000 > WARN_MS;
    if (warning.hidden) return;
    const said =
      left > 0
        ? `Less than ${WARN_MS / 1_000} seconds left for this task.`
        : "The time for this task ran out. You can still answer, or take more time.";
    if (text.textContent !== said) text.textContent = said;
  }
}
