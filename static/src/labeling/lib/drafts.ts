/** Answers that are begun but not sent, kept in `localStorage` with every change; a reload goes on where it stopped. */
import type { Answer } from "./sender";

interface Draft {
  readonly at: number;
  readonly answer: Answer;
}

const KEPT_MS = 24 * 3_600_000;

export class Drafts {
  private readonly drafts: Map<string, Draft>;

  constructor(private readonly storageKey: string) {
    this.drafts = new Map(restore(storageKey).filter(([, draft]) => Date.now() - draft.at < KEPT_MS));
  }

  get(taskId: string): Answer | undefined {
    return this.drafts.get(taskId)?.answer;
  }

  keep(taskId: string, answer: Answer): void {
    this.drafts.set(taskId, { at: Date.now(), answer });
    this.store();
  }

  drop(taskId: string): void {
    if (this.drafts.delete(taskId)) this.store();
  }

  private store(): void {
    try {
      localStorage.setItem(this.storageKey, JSON.stringify([...this.drafts]));
    } catch {
      // Private windows may refuse; the drafts then live as long as the page.
    }
  }
}

function restore(storageKey: string): [string, Draft][] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(storageKey) ?? "[]");
    return Array.isArray(found) ? (found as [string, Draft][]) : [];
  } catch {
    return [];
  }
}
