/** `<answer-number>`: a number, kept as text so that nothing is rounded. */
import { type Control, Editor, make } from "./editor";

interface NumberControl extends Control {
  readonly unit: string;
}

const NUMBER = /^[+\-\u2212]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$/;

class AnswerNumber extends Editor<NumberControl, string> {
  private readonly field = make("input", "input w-48 text-base", "", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    "data-first": "",
  });

  protected build(): void {
    this.className = "flex items-center gap-2";
    const { title, unit } = this.control;
    this.field.setAttribute("aria-label", [title || "Your answer", unit && `in ${unit}`].filter(Boolean).join(", "));
    this.field.addEventListener("input", () => {
      const text = this.field.value.trim();
      this.change(text || undefined);
      this.field.setAttribute("aria-invalid", String(text !== "" && !NUMBER.test(text)));
    });
    this.append(this.field);
    if (unit) this.append(make("span", "", unit, { "aria-hidden": "true" }));
  }

  protected update(): void {
    this.field.value = this.value ?? "";
    this.field.readOnly = this.isReadonly;
    this.field.removeAttribute("aria-invalid");
  }

  override problem(): string {
    if (this.value === undefined || NUMBER.test(this.value)) return super.problem();
    return `“${this.value}” is not a number; decimals come after a point, as in 3.5.`;
  }
}

customElements.define("answer-number", AnswerNumber);
