/** `<answer-rating>`: a grade from 1 to `most`; each is a button and a digit, 0 stands for 10. */
import { type Control, Editor, make } from "./editor";

interface RatingControl extends Control {
  readonly most: number;
  readonly low: string;
  readonly high: string;
}

class AnswerRating extends Editor<RatingControl, number> {
  private readonly buttons: HTMLButtonElement[] = [];

  override get isAnsweredByKey(): boolean {
    return true;
  }

  protected build(): void {
    this.className = "flex flex-wrap items-center gap-2";
    const { most, low, high } = this.control;
    if (low) this.append(make("span", "text-quiet text-sm", low));
    for (let grade = 1; grade <= most; grade += 1) {
      const button = make("button", "btn min-h-11 min-w-11 text-base", String(grade), {
        type: "button",
        "aria-label": `${grade} of ${most}`,
      });
      button.addEventListener("click", () => this.choose(grade));
      this.buttons.push(button);
      this.append(button);
    }
    if (high) this.append(make("span", "text-quiet text-sm", high));
  }

  protected update(): void {
    for (const [index, button] of this.buttons.entries()) {
      const isChosen = this.value === index + 1;
      button.setAttribute("aria-pressed", String(isChosen));
      button.classList.toggle("btn-primary", isChosen);
      button.disabled = this.isReadonly;
    }
  }

  override keys(event: KeyboardEvent): boolean {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || this.isReadonly) return false;
    if (!/^[0-9]$/.test(event.key)) return false;
    const grade = Number(event.key) || 10;
    if (grade > this.control.most) return false;
    this.choose(grade);
    return true;
  }

  private choose(grade: number): void {
    this.change(grade);
    this.update();
    this.say(`${grade} of ${this.control.most} chosen.`);
  }
}

customElements.define("answer-rating", AnswerRating);
