/** Undo and redo within one task. */

const DEPTH = 200;
const MERGE_MS = 700;

export class History<T> {
  private past: T[] = [];
  private future: T[] = [];
  private lastKind = "";
  private lastAt = 0;

  constructor(private present: T) {}

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Steps of the same `kind` right after each other (arrow keys) are undone together; "" never is. */
  add(state: T, kind = ""): void {
    const now = performance.now();
    const isMore = kind !== "" && kind === this.lastKind && now - this.lastAt < MERGE_MS;
    if (!isMore) this.past = [...this.past, this.present].slice(-DEPTH);
    this.future = [];
    this.present = state;
    this.lastKind = kind;
    this.lastAt = now;
  }

  undo(): T | undefined {
    return this.step(this.past, this.future);
  }

  redo(): T | undefined {
    return this.step(this.future, this.past);
  }

  private step(from: T[], to: T[]): T | undefined {
    const state = from.pop();
    if (state === undefined) return undefined;
    to.push(this.present);
    this.present = state;
    this.lastKind = "";
    return state;
  }
}
