/** Answers that are begun but not sent, stored with every change; a reload goes on where it stopped. */
import type { Answer } from "./sender";
import { Stored } from "./stored";

interface Draft {
  readonly id: string;
  readonly at: number;
  readonly answer: Answer;
}

const KEPT_MS = 24 * 3_600_000;

export class Drafts {
  private readonly drafts: Stored<Draft>;

  constructor(storageKey: string) {
    this.drafts = new Stored(storageKey);
    for (const draft of this.drafts.all()) if (Date.now() - draft.at > KEPT_MS) this.drop(draft.id);
  }

  get(id: string): Answer | undefined {
    return this.drafts.get(id)?.answer;
  }

  keep(id: string, answer: Answer): void {
    this.drafts.keep(id, { id, at: Date.now(), answer });
  }

  drop(id: string): void {
    this.drafts.drop(id);
  }
}
