/** What the page gives the player, and what the server lends it. */
import type { Control } from "../editors/editor";
import type { Input } from "./inputs";
import type { Task, Totals } from "./sender";

export interface PlayerData {
  readonly order_id: string;
  readonly annotator_id: string;
  readonly is_guest: boolean;
  readonly design: { readonly inputs: readonly Input[]; readonly controls: readonly Control[] };
  readonly tasks: readonly Task[];
  readonly totals: Totals;
  readonly open_labels: number;
  readonly prefetch: number;
  readonly leases_url: string;
}

export interface Batch {
  readonly tasks: readonly Task[];
  readonly remaining: boolean;
  readonly retry_after_s: number;
  readonly totals: Totals;
}

/** A task in hand; `until` is on the page's own clock. */
export interface Held extends Task {
  until: number;
}

export function hold(task: Task): Held {
  return { ...task, until: performance.now() + task.expires_in_ms };
}

export function dollars(amount: Totals["earned"]): string {
  return new Intl.NumberFormat("en", { style: "currency", currency: amount.currency }).format(
    Number(amount.amount_minor) / 100,
  );
}
