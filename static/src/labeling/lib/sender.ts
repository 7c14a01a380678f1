/**
 * Sends answers in the background and never loses one: each waits in the browser's storage until the server has it, is repeated
 * with the same `Idempotency-Key` while the connection is down, and takes its lease back when that ran out meanwhile.
 */
import { api, Problem } from "../../core/lib/http";
import type { Given } from "./given";
import { Stored } from "./stored";

export interface Task {
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly expires_in_ms: number;
}

/** A value for each control that has one. */
export type Answer = Readonly<Record<string, unknown>>;

export interface Amount {
  readonly amount_minor: string;
  readonly currency: string;
}

export interface Totals {
  readonly submitted: number;
  readonly pending: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly earned: Amount;
}

interface Waiting extends Given {
  readonly elapsed: number;
  key: string;
}

export interface SenderEvents {
  /** The server has an answer; the totals after it. */
  stored(totals: Totals): void;
  /** An answer was not taken, and will not be; why. */
  refused(problem: Problem, given: Given): void;
  /** The server wants a sign-in first; the answer is kept for when the page is opened again. */
  signedOut(): void;
  /** How many answers wait, and whether the connection is down. */
  waiting(count: number, isDown: boolean): void;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;
const LEASE_EXPIRED = "lease_expired";

/** Whether the same call may work later: no answer, the server's fault, or the first try still running. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Problem)) return true;
  return error.status >= 500 || error.status === 429 || error.code === "idempotency_in_progress";
}

/** The session ended; nothing is wrong with the call itself. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof Problem && (error.status === 401 || error.code === "csrf_failed");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(done, ms);
    function done(): void {
      window.clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
    window.addEventListener("online", done);
  });
}

export class Sender {
  /** What happens to one task happens in order: an undo waits for its answer, a second answer for the undo. */
  private readonly chains = new Map<string, Promise<unknown>>();
  private readonly stored: Stored<Waiting>;
  private readonly waiting: Waiting[];
  private isDown = false;

  constructor(
    storageKey: string,
    private readonly events: SenderEvents,
  ) {
    this.stored = new Stored(storageKey);
    this.waiting = this.stored.all();
    for (const answer of this.waiting) void this.inOrder(answer.id, () => this.deliver(answer));
    this.report();
  }

  /** Whether an answer to the task is still on its way. */
  has(id: string): boolean {
    return this.waiting.some((answer) => answer.id === id);
  }

  answer(id: string, given: Answer, elapsed: number): void {
    const answer: Waiting = { id, answer: given, elapsed: Math.round(elapsed), key: crypto.randomUUID() };
    this.waiting.push(answer);
    this.stored.keep(id, answer);
    this.report();
    void this.inOrder(id, () => this.deliver(answer));
  }

  /** POST to a task once everything before it is done. */
  act<T>(id: string, action: "undo" | "skip" | "flag" | "extend", json: unknown = {}): Promise<T> {
    return this.inOrder(id, () => api<T>(`/api/v1/assignments/${id}/${action}/`, { method: "POST", json }));
  }

  private inOrder<T>(id: string, step: () => Promise<T>): Promise<T> {
    const before = this.chains.get(id) ?? Promise.resolve();
    const next = before.catch(() => undefined).then(step);
    this.chains.set(id, next);
    void next
      .catch(() => undefined)
      .finally(() => {
        if (this.chains.get(id) === next) this.chains.delete(id);
      });
    return next;
  }

  private async deliver(answer: Waiting): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)) {
      try {
        const done = await this.post(answer);
        this.settle(answer);
        this.events.stored(done.totals);
        return;
      } catch (error) {
        if (isSignedOut(error)) {
          this.events.signedOut();
          return;
        }
        if (!isPassing(error)) {
          this.settle(answer);
          this.events.refused(error as Problem, answer);
          return;
        }
        this.isDown = true;
        this.report();
        await pause(retryMs);
      }
    }
  }

  private async post(answer: Waiting): Promise<{ totals: Totals }> {
    const url = `/api/v1/assignments/${answer.id}`;
    const json = { answer: answer.answer, elapsed_ms: answer.elapsed };
    try {
      return await api(`${url}/submit/`, { method: "POST", json, idempotencyKey: answer.key });
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== LEASE_EXPIRED) throw error;
      await api(`${url}/extend/`, { method: "POST" });
      // The refusal is remembered under the old key; this is another call.
      answer.key = crypto.randomUUID();
      return await api(`${url}/submit/`, { method: "POST", json, idempotencyKey: answer.key });
    }
  }

  private settle(answer: Waiting): void {
    this.waiting.splice(this.waiting.indexOf(answer), 1);
    this.stored.drop(answer.id);
    this.isDown = false;
    this.report();
  }

  private report(): void {
    this.events.waiting(this.waiting.length, this.isDown);
  }
}
