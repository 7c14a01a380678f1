/** `<answer-preference>`: candidates side by side; their numbers choose, 0 says that they are equally good. */
import { type Control, Editor, make } from "./editor";
import { keyed } from "./marks/buttons";
import { type Candidate, candidatesOf } from "./marks/candidates";

interface PreferenceControl extends Control {
  readonly tie: boolean;
}

const TIE = "tie";

class AnswerPreference extends Editor<PreferenceControl, string> {
  private readonly cards = make("div", "grid gap-3 sm:grid-cols-2");
  private readonly tie = keyed("btn mt-3 min-h-12 w-full", "Equally good", "0", () => this.choose(TIE));
  private candidates: readonly Candidate[] = [];
  private buttons: HTMLButtonElement[] = [];

  override get showsInput(): boolean {
    return true;
  }

  override keys(event: KeyboardEvent): boolean {
    if (this.isReadonly || !/^[0-9]$/.test(event.key)) return false;
    const chosen = event.key === "0" ? this.control.tie && TIE : this.candidates[Number(event.key) - 1]?.key;
    if (!chosen) return false;
    this.choose(chosen);
    return true;
  }

  protected build(): void {
    this.cards.setAttribute("role", "group");
    this.cards.setAttribute("aria-label", this.control.title || "Which is better?");
    this.append(this.cards);
    if (this.control.tie) this.append(this.tie);
  }

  protected update(): void {
    const candidates = candidatesOf(this.data[this.control.input]);
    if (candidates !== this.candidates) this.lay(candidates);
    this.paint();
  }

  private lay(candidates: readonly Candidate[]): void {
    this.candidates = candidates;
    this.buttons = candidates.map((one, index) =>
      keyed("btn mt-3 min-h-12 w-full", `${index + 1} is better`, String(index + 1), () => this.choose(one.key)),
    );
    this.cards.replaceChildren(
      ...candidates.map((one, index) => {
        const card = make("div", "panel flex flex-col justify-between");
        card.append(make("p", "whitespace-pre-wrap", one.text), this.buttons[index]!);
        return card;
      }),
    );
  }

  private choose(key: string): void {
    this.change(key);
    this.paint();
    const place = this.candidates.findIndex((one) => one.key === key) + 1;
    this.say(place ? `${place} is better.` : "Equally good.");
  }

  private paint(): void {
    const buttons: [string, HTMLButtonElement][] = [[TIE, this.tie]];
    this.buttons.forEach((button, index) => buttons.push([this.candidates[index]!.key, button]));
    for (const [key, button] of buttons) {
      const isChosen = this.value === key;
      button.setAttribute("aria-pressed", String(isChosen));
      button.classList.toggle("btn-primary", isChosen);
      button.disabled = this.isReadonly && !isChosen;
    }
  }
}

customElements.define("answer-preference", AnswerPreference);
