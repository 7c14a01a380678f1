/** `<answer-choice>`: one choice of several; each choice is a button and a key. */
import { type Choice, choiceByKey, type Control, Editor, keyCap, make } from "./editor";

interface ChoiceControl extends Control {
  readonly classes: readonly Choice[];
}

/** From here on the choices stand side by side and small. */
const MANY = 10;

class AnswerChoice extends Editor<ChoiceControl, string> {
  private readonly buttons = new Map<string, HTMLButtonElement>();

  override get isAnsweredByKey(): boolean {
    return true;
  }

  protected build(): void {
    const isMany = this.control.classes.length > MANY;
    this.className = isMany ? "flex flex-wrap gap-2" : "grid gap-2 sm:grid-cols-2";
    for (const choice of this.control.classes) {
      const button = make("button", `btn h-auto justify-between text-base ${isMany ? "min-h-11" : "min-h-14"}`, "", {
        type: "button",
      });
      button.append(make("span", "", choice.name), " ");
      if (choice.key) button.append(keyCap(choice.key));
      button.addEventListener("click", () => this.choose(choice.name));
      this.buttons.set(choice.name, button);
      this.append(button);
    }
  }

  protected update(): void {
    for (const [name, button] of this.buttons) {
      // The only question of a task is answered with the press: there is no pressed state to show.
      if (!this.isAlone) button.setAttribute("aria-pressed", String(name === this.value));
      button.classList.toggle("btn-primary", this.isAlone || name === this.value);
      button.disabled = this.isReadonly;
    }
  }

  override keys(event: KeyboardEvent): boolean {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || this.isReadonly) return false;
    const choice = choiceByKey(this.control.classes, event);
    if (choice) this.choose(choice.name);
    return choice !== undefined;
  }

  private choose(name: string): void {
    this.change(name);
    this.update();
    if (!this.isAlone) this.say(`${name} chosen.`);
  }
}

customElements.define("answer-choice", AnswerChoice);
