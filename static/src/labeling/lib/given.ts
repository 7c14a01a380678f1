/** The last answers that were sent from this tab, newest first, for taking them back; a reload keeps them. */
import type { Answer } from "./sender";
import { Stored } from "./stored";

const DEPTH = 10;

/** An answer that was sent. */
export interface Given {
  readonly id: string;
  readonly answer: Answer;
}

export class LastGiven {
  private readonly stored: Stored<readonly Given[]>;
  private list: readonly Given[];

  constructor(storageKey: string) {
    this.stored = new Stored(storageKey, () => sessionStorage);
    this.list = this.stored.get("given") ?? [];
  }

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  add(given: Given): void {
    this.keep([given, ...this.list.filter((one) => one.id !== given.id)].slice(0, DEPTH));
  }

  /** Takes the newest out. */
  take(): Given | undefined {
    const [newest, ...rest] = this.list;
    this.keep(rest);
    return newest;
  }

  /** Takes out one that was refused. */
  drop(id: string): void {
    this.keep(this.list.filter((one) => one.id !== id));
  }

  private keep(list: readonly Given[]): void {
    this.list = list;
    this.stored.keep("given", list);
  }
}
