/** `<answer-dialogue>`: turns to write, each with its role. */
import { type Control, Editor, make } from "./editor";
import { button } from "./marks/buttons";

type Role = "user" | "assistant";

interface Turn {
  role: Role;
  content: string;
}

interface DialogueControl extends Control {
  readonly roles: readonly Role[];
  readonly least: number;
  readonly most: number;
}

const NAMES: Record<Role, string> = { user: "User", assistant: "Assistant" };

class AnswerDialogue extends Editor<DialogueControl, readonly Turn[]> {
  private turns: Turn[] = [];
  private readonly list = make("ol", "grid gap-3");
  private readonly add = make("div", "mt-3 flex flex-wrap gap-2");

  override problem(): string {
    if (this.value === undefined) return super.problem();
    const empty = this.turns.findIndex((turn) => !turn.content.trim());
    if (empty >= 0) return `Turn ${empty + 1} is empty; write something, or remove it.`;
    const { least, most } = this.control;
    if (this.turns.length < least) return `Write ${least} turns; there are ${this.turns.length}.`;
    return this.turns.length > most ? `Write at most ${most} turns; there are ${this.turns.length}.` : "";
  }

  protected build(): void {
    this.list.setAttribute("aria-label", this.control.title || "Dialogue");
    for (const role of this.control.roles) {
      this.add.append(button("btn btn-sm", `Add ${NAMES[role].toLowerCase()} turn`, "", () => this.insert(role)));
    }
    this.append(this.list, this.add);
  }

  protected update(): void {
    const given = this.value;
    this.turns = given?.length ? given.map((turn) => ({ ...turn })) : this.blank();
    this.lay();
  }

  /** As many empty turns as are asked for, taking up from the dialogue that is shown. */
  private blank(): Turn[] {
    const shown = this.data[this.control.input];
    const last: unknown = Array.isArray(shown) ? (shown.at(-1) as Turn | undefined)?.role : undefined;
    const turns: Turn[] = [];
    while (turns.length < this.control.least) turns.push({ role: this.following(turns.at(-1)?.role ?? last), content: "" });
    return turns;
  }

  private following(role: unknown): Role {
    const { roles } = this.control;
    return roles.find((one) => one !== role) ?? roles[0]!;
  }

  private lay(): void {
    this.list.replaceChildren(...this.turns.map((turn, index) => this.row(turn, index)));
    this.add.hidden = this.isReadonly || this.turns.length >= this.control.most;
  }

  private row(turn: Turn, index: number): HTMLLIElement {
    const row = make("li", "panel grid gap-2");
    const head = make("div", "flex items-center justify-between gap-2");
    const name = `Turn ${index + 1}`;
    if (this.control.roles.length > 1 && !this.isReadonly) {
      const role = make("select", "select select-sm w-36", "", { "aria-label": `${name}: who speaks` });
      for (const one of this.control.roles) role.append(make("option", "", NAMES[one], { value: one }));
      role.value = turn.role;
      role.addEventListener("change", () => {
        turn.role = role.value as Role;
        this.tell();
      });
      head.append(role);
    } else head.append(make("span", "font-semibold", NAMES[turn.role]));
    if (!this.isReadonly) head.append(button("btn btn-sm", "Remove", `Remove turn ${index + 1}`, () => this.drop(index)));
    const field = make("textarea", "textarea field-sizing-content min-h-20 w-full", "", { rows: "3" });
    field.setAttribute("aria-label", `${name}: text`);
    field.value = turn.content;
    field.readOnly = this.isReadonly;
    field.addEventListener("input", () => {
      turn.content = field.value;
      this.tell();
    });
    row.append(head, field);
    return row;
  }

  private insert(role: Role): void {
    this.turns.push({ role, content: "" });
    this.lay();
    this.tell();
    this.field(this.turns.length - 1)?.focus();
    this.say(`Turn ${this.turns.length} added.`);
  }

  private drop(index: number): void {
    this.turns.splice(index, 1);
    this.lay();
    this.tell();
    (this.field(Math.max(0, index - 1)) ?? this.add.querySelector("button"))?.focus();
    this.say(`Turn ${index + 1} removed.`);
  }

  private field(index: number): HTMLTextAreaElement | undefined {
    return this.list.querySelectorAll("textarea")[index];
  }

  private tell(): void {
    const isWritten = this.turns.some((turn) => turn.content.trim());
    this.change(isWritten ? this.turns.map((turn) => ({ ...turn })) : undefined);
  }
}

customElements.define("answer-dialogue", AnswerDialogue);
