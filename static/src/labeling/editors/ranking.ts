/**
 * `<answer-ranking>`: give each candidate its place. Numbers, best first: `2`, `1`, `3` puts the second on top; the last
 * place fills itself. A number pressed again takes the candidate off its place, Backspace the latest one. The cards stay
 * where they are, so that long texts can be compared; buttons move a place up or down.
 */
import { type Control, Editor, make } from "./editor";
import { button, keyed } from "./marks/buttons";
import { type Candidate, candidatesOf } from "./marks/candidates";

interface Card {
  readonly candidate: Candidate;
  readonly element: HTMLElement;
  readonly place: HTMLElement;
  readonly choose: HTMLButtonElement;
  readonly up: HTMLButtonElement;
  readonly down: HTMLButtonElement;
}

class AnswerRanking extends Editor<Control, readonly string[]> {
  private readonly list = make("ol", "grid gap-3 sm:grid-cols-2");
  private candidates: readonly Candidate[] = [];
  private cards: Card[] = [];
  /** Keys in order of their places, also while some have none. */
  private order: string[] = [];

  override get showsInput(): boolean {
    return true;
  }

  override keys(event: KeyboardEvent): boolean {
    if (this.isReadonly) return false;
    if (event.key === "Backspace" && this.order.length) {
      this.place(this.order.slice(0, -1));
      return true;
    }
    const card = /^[1-9]$/.test(event.key) ? this.cards[Number(event.key) - 1] : undefined;
    if (!card) return false;
    this.choose(card.candidate.key);
    return true;
  }

  protected build(): void {
    this.list.setAttribute("aria-label", this.control.title || "Best first");
    this.append(this.list);
  }

  protected update(): void {
    const candidates = candidatesOf(this.data[this.control.input]);
    if (candidates !== this.candidates) this.lay(candidates);
    this.order = [...(this.value ?? [])];
    this.paint();
  }

  private lay(candidates: readonly Candidate[]): void {
    this.candidates = candidates;
    this.cards = candidates.map((candidate, index) => {
      const element = make("li", "panel flex flex-col justify-between gap-3");
      const row = make("div", "flex flex-wrap items-center gap-2");
      const place = make("span", "tabular flex-1 font-semibold");
      const key = index < 9 ? String(index + 1) : "";
      const choose = keyed("btn min-h-11 w-full", "", key, () => this.choose(candidate.key));
      choose.prepend(make("span", "sr-only", `Candidate ${index + 1}: `), make("span", "", "", { "data-part": "text" }));
      const move = (sign: string, way: string, step: number): HTMLButtonElement =>
        button("btn btn-square min-h-11", sign, `Candidate ${index + 1} one place ${way}`, () => this.move(candidate.key, step));
      const [up, down] = [move("↑", "up", -1), move("↓", "down", 1)];
      row.append(place, up, down, choose);
      element.append(make("p", "whitespace-pre-wrap", candidate.text), row);
      return { candidate, element, place, choose, up, down };
    });
    this.list.replaceChildren(...this.cards.map((card) => card.element));
  }

  private choose(key: string): void {
    this.place(this.order.includes(key) ? this.order.filter((one) => one !== key) : [...this.order, key]);
  }

  private move(key: string, step: number): void {
    const at = this.order.indexOf(key);
    const order = this.order.filter((one) => one !== key);
    order.splice(at + step, 0, key);
    this.place(order);
  }

  private place(order: string[]): void {
    const left = this.candidates.filter((one) => !order.includes(one.key));
    // Only one is left and one was added: its place is clear.
    if (left.length === 1 && order.length > this.order.length) order = [...order, left[0]!.key];
    this.order = order;
    this.paint();
    const isWhole = order.length === this.candidates.length;
    if (isWhole || this.value !== undefined) this.change(isWhole ? [...order] : undefined);
    const numbers = order.map((key) => this.candidates.findIndex((one) => one.key === key) + 1);
    this.say(order.length ? `${isWhole ? "The order is" : "So far"} ${numbers.join(", ")}.` : "No places yet.");
  }

  private paint(): void {
    this.cards.forEach((card) => {
      const at = this.order.indexOf(card.candidate.key);
      const isPlaced = at >= 0;
      card.place.textContent = isPlaced ? `Place ${at + 1}` : "No place";
      card.choose.querySelector('[data-part="text"]')!.textContent = isPlaced
        ? `Take off place ${at + 1}`
        : `Place ${this.order.length + 1}`;
      card.choose.classList.toggle("btn-primary", !isPlaced);
      card.choose.disabled = this.isReadonly;
      card.up.disabled = this.isReadonly || at <= 0;
      card.down.disabled = this.isReadonly || !isPlaced || at === this.order.length - 1;
    });
  }
}

customElements.define("answer-ranking", AnswerRanking);
