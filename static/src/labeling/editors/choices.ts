/** `<answer-choices>`: any number of choices of several; each press or key puts one in or takes it out. */
import { type Choice, choiceByKey, type Control, Editor, keyCap, make } from "./editor";

interface ChoicesControl extends Control {
  readonly classes: readonly Choice[];
  readonly least: number;
  readonly most: number;
}

class AnswerChoices extends Editor<ChoicesControl, readonly string[]> {
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private readonly hint = make("p", "text-quiet w-full text-sm");

  override get value(): readonly string[] | undefined {
    // Where nothing need apply, “none of them” is an answer.
    return super.value ?? (this.control.least === 0 ? [] : undefined);
  }

  override set value(value: readonly string[] | undefined) {
    super.value = value;
  }

  protected build(): void {
    this.className = "flex flex-wrap gap-2";
    for (const choice of this.control.classes) {
      const button = make("button", "btn h-auto min-h-11 text-base", "", { type: "button" });
      button.append(make("span", "", choice.name), " ");
      if (choice.key) button.append(keyCap(choice.key));
      button.addEventListener("click", () => this.toggle(choice.name));
      this.buttons.set(choice.name, button);
      this.append(button);
    }
    const { least, most } = this.control;
    this.hint.textContent = least === most ? `Choose ${least}.` : `Choose ${least} to ${most}.`;
    this.append(this.hint);
  }

  protected update(): void {
    for (const [name, button] of this.buttons) {
      const isChosen = this.value?.includes(name) ?? false;
      button.setAttribute("aria-pressed", String(isChosen));
      button.classList.toggle("btn-primary", isChosen);
      button.disabled = this.isReadonly;
    }
  }

  override problem(): string {
    const count = this.value?.length ?? 0;
    if (!this.control.required && count === 0) return "";
    return count >= this.control.least && count <= this.control.most ? "" : `${this.hint.textContent} These are ${count}.`;
  }

  override keys(event: KeyboardEvent): boolean {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || this.isReadonly) return false;
    const choice = choiceByKey(this.control.classes, event);
    if (choice) this.toggle(choice.name);
    return choice !== undefined;
  }

  private toggle(name: string): void {
    const chosen = new Set(this.value ?? []);
    const isNew = !chosen.delete(name);
    if (isNew) chosen.add(name);
    const ordered = this.control.classes.map((one) => one.name).filter((one) => chosen.has(one));
    this.change(ordered.length > 0 ? ordered : undefined);
    this.update();
    this.say(`${name} ${isNew ? "chosen" : "taken out"}.`);
  }
}

customElements.define("answer-choices", AnswerChoices);
