/** How much was answered and earned, with the answers that are still on their way. */
import { api } from "../../core/lib/http";
import { type Batch, dollars, type PlayerData } from "./player-data";
import type { Totals } from "./sender";

const REFRESH_AFTER_MS = 400;

/** The player's part of a name. */
export type Piece = (name: string) => HTMLElement;

export class Tally {
  /** Answers given on this page, less those taken back or refused. */
  private given = 0;
  private totals: Totals;
  private timer: number | undefined;

  constructor(
    private readonly piece: Piece,
    private readonly page: PlayerData,
  ) {
    this.totals = page.totals;
    this.show(page.totals);
  }

  /** One more was answered, or one less. */
  count(change: 1 | -1): void {
    this.given += change;
    this.showAnswered();
  }

  /** What the server has. */
  show(totals: Totals): void {
    this.totals = totals;
    this.showAnswered();
    this.piece("earned").textContent = dollars(totals.earned);
    this.piece("pending").textContent = String(totals.pending);
    if (this.page.is_guest && totals.accepted > 0) {
      this.piece("keep-amount").textContent = dollars(totals.earned);
      this.piece("keep").hidden = false;
    }
  }

  /** Something was decided: ask for the totals, once for many notices. */
  refreshSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      void api<Batch>(this.page.leases_url).then(
        (batch) => this.show(batch.totals),
        () => undefined,
      );
    }, REFRESH_AFTER_MS);
  }

  stop(): void {
    window.clearTimeout(this.timer);
  }

  private showAnswered(): void {
    const sending = Math.max(0, this.given - (this.totals.submitted - this.page.totals.submitted));
    this.piece("answered").textContent = String(this.totals.submitted + sending);
  }
}
