/** `<answer-text>`: free text. */
import { type Control, Editor, make } from "./editor";

interface TextControl extends Control {
  readonly most_characters: number;
}

class AnswerText extends Editor<TextControl, string> {
  private readonly field = make("textarea", "textarea w-full text-base", "", { rows: "3", "data-first": "" });

  protected build(): void {
    this.className = "block";
    this.field.maxLength = this.control.most_characters;
    this.field.setAttribute("aria-label", this.control.title || "Your answer");
    this.field.addEventListener("input", () => this.change(this.field.value.trim() ? this.field.value : undefined));
    this.append(this.field);
  }

  protected update(): void {
    this.field.value = this.value ?? "";
    this.field.readOnly = this.isReadonly;
  }
}

customElements.define("answer-text", AnswerText);
