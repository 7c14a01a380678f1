/**
 * `<answer-spans>`: mark parts of a text, and relations between them.
 *
 * Choose words, then a label: tap the first and the last word, drag over them, or move with the arrow keys and hold Shift;
 * then the label's key or button. A label chosen first stays: each two taps mark then. `>` starts a relation at the chosen
 * span; choose another, then the relation's key. Enter chooses, Escape lets go, Delete removes, 0 says
 * that there is nothing to mark.
 */
import { type Choice, choiceByKey, type Control, Editor, make } from "./editor";
import { button, keyed } from "./marks/buttons";
import "./marks/marks.css";
import { Nothing } from "./marks/nothing";
import { Offsets } from "./marks/offsets";
import { tint } from "./marks/tones";
import { type Mark, marksAt, type Range, WordBox } from "./marks/word-box";

interface SpansControl extends Control {
  readonly classes: readonly Choice[];
  readonly relation_classes: readonly Choice[];
  readonly overlap: boolean;
}

interface Value {
  readonly spans: readonly { readonly start: number; readonly end: number; readonly label: string }[];
  readonly relations: readonly { readonly from: number; readonly to: number; readonly label: string }[];
}

interface Link {
  readonly source: Mark;
  readonly target: Mark;
  readonly label: string;
}

const QUOTED_CHARACTERS = 60;

class AnswerSpans extends Editor<SpansControl, Value> {
  private offsets = new Offsets("");
  private marks: Mark[] = [];
  private links: Link[] = [];
  /** Words that are chosen and have no label yet. */
  private range: Range | undefined;
  /** Word at which the range started. */
  private anchor = -1;
  /** The span that is chosen, and the one that a relation starts from. */
  private active: Mark | undefined;
  private source: Mark | undefined;
  /** Label that stays chosen. */
  private brush = "";

  private box!: WordBox;
  private readonly labels = make("div", "mt-3 flex flex-wrap gap-2", "", { role: "group", "aria-label": "Labels" });
  private readonly edit = make("div", "mt-2 flex flex-wrap gap-2", "", { role: "group", "aria-label": "Chosen part" });
  private readonly relate = make("div", "mt-2 flex flex-wrap items-center gap-2", "", { role: "group" });
  private readonly nothing = new Nothing((isNothing) => this.change(isNothing ? { spans: [], relations: [] } : undefined));
  private readonly list = make("ul", "mt-3 grid gap-1", "", { "aria-label": "Marked parts" });
  private readonly relations = make("ul", "mt-2 grid gap-1", "", { "aria-label": "Relations" });

  override get showsInput(): boolean {
    return true;
  }

  override problem(): string {
    return super.problem() && "Mark the parts, or say that there is nothing to mark.";
  }

  override focus(options?: FocusOptions): void {
    this.box.focus(options);
  }

  override keys(event: KeyboardEvent): boolean {
    if (this.isReadonly) return false;
    if (event.key === "Escape") return this.letGo();
    if ((event.key === "Delete" || event.key === "Backspace") && this.active) return this.drop(this.active);
    if (event.key === ">" && this.active && this.control.relation_classes.length) return this.startRelation();
    if (this.source && this.active && this.source !== this.active) {
      const relation = choiceByKey(this.control.relation_classes, event);
      if (relation) return this.link(relation.name);
    }
    const choice = choiceByKey(this.control.classes, event);
    return choice ? this.label(choice.name) : this.nothing.keys(event);
  }

  protected build(): void {
    this.box = new WordBox(this.control.classes, {
      choose: (at) => this.choose(at),
      extend: (at, from) => this.extend(at, from),
      select: (range) => this.select(range),
    });
    this.box.element.setAttribute("aria-label", `${this.control.title || "Text"}: choose words`);
    this.labels.append(
      ...this.control.classes.map((choice, index) => this.chip(choice, index, () => this.label(choice.name))),
    );
    const tools: [string, string, () => void][] = [
      ["Start −", "Start −, one character earlier", () => this.move("start", -1)],
      ["Start +", "Start +, one character later", () => this.move("start", 1)],
      ["End −", "End −, one character earlier", () => this.move("end", -1)],
      ["End +", "End +, one character later", () => this.move("end", 1)],
    ];
    for (const [text, name, act] of tools) this.edit.append(button("btn btn-sm", text, name, act));
    if (this.control.relation_classes.length) {
      this.edit.append(keyed("btn btn-sm", "Relate from here", ">", () => this.startRelation()));
    }
    this.edit.append(button("btn btn-sm", "Let go", "", () => this.letGo()));
    this.relate.append(make("span", "text-sm", "", { "data-part": "pair" }));
    this.control.relation_classes.forEach((choice, index) =>
      this.relate.append(this.chip(choice, index, () => this.link(choice.name))),
    );
    this.append(this.box.element, this.labels, this.edit, this.relate, this.nothing.element, this.list, this.relations);
  }

  protected update(): void {
    const text = String(this.data[this.control.input] ?? "");
    if (text !== this.box.text) this.offsets = new Offsets(text);
    this.box.isReadonly = this.isReadonly;
    this.box.show(text);
    this.marks = (this.value?.spans ?? []).map((span) => ({
      start: this.offsets.toUnits(span.start),
      end: this.offsets.toUnits(span.end),
      label: span.label,
    }));
    this.links = (this.value?.relations ?? []).flatMap((relation) => {
      const [source, target] = [this.marks[relation.from], this.marks[relation.to]];
      return source && target ? [{ source, target, label: relation.label }] : [];
    });
    this.range = this.active = this.source = undefined;
    this.anchor = -1;
    this.paint();
  }

  private chip(choice: Choice, index: number, act: () => void): HTMLButtonElement {
    const chip = keyed("btn btn-sm marks-chip", choice.name, choice.key, act);
    chip.dataset["label"] = choice.name;
    tint(chip, index);
    return chip;
  }

  // -- choosing words

  /** What a tap and Enter do: choose a marked span, start a range, or end the one that was started. */
  private choose(at: number): void {
    const piece = this.box.pieces[at];
    if (!piece) return;
    const here = marksAt(this.marks, piece);
    const next = here[(here.indexOf(this.active as Mark) + 1) % (here.length + 1)];
    // A relation looks for its other end before all else.
    if (next && (this.source || (this.anchor < 0 && !this.brush))) return this.activate(next);
    const isSecond = this.anchor >= 0;
    this.extend(at, at);
    if (!isSecond) return;
    if (this.brush || this.control.classes.length === 1) this.label(this.brush || this.control.classes[0]!.name);
    else this.anchor = -1;
  }

  /** The range from where it started, or from a word, to another. */
  private extend(at: number, from: number): void {
    if (this.anchor < 0) this.anchor = from;
    const [first, last] = [this.box.pieces[Math.min(this.anchor, at)], this.box.pieces[Math.max(this.anchor, at)]];
    if (first && last) this.hold({ start: first.start, end: last.end });
  }

  private select(range: Range): void {
    this.anchor = -1;
    this.hold(range);
    if (this.brush) this.label(this.brush);
  }

  private hold(range: Range): void {
    this.range = range;
    this.active = undefined;
    this.paint();
    this.say(`${this.quoted(range)} chosen. Choose a label.`);
  }

  // -- marking

  private label(name: string): boolean {
    if (this.range) return this.mark(this.range, name);
    if (this.active) {
      this.active.label = name;
      return this.done(`${this.quoted(this.active)} is now ${name}.`);
    }
    this.brush = this.brush === name ? "" : name;
    this.paint();
    this.say(this.brush ? `${name} stays chosen: each two words mark.` : `${name} let go.`);
    return true;
  }

  private mark(range: Range, label: string): boolean {
    const part = this.box.trimmed(range);
    this.range = undefined;
    this.anchor = -1;
    if (!part) return true;
    const same = this.marks.find((mark) => mark.start === part.start && mark.end === part.end);
    if (same && !this.control.overlap) {
      same.label = label;
      return this.done(`${this.quoted(same)} is now ${label}.`);
    }
    const other = this.clash(part);
    if (other) {
      this.paint();
      this.say(`${this.quoted(part)} overlaps ${this.quoted(other)}; remove that first.`);
      return true;
    }
    if (!same || same.label !== label) this.marks.push({ ...part, label });
    return this.done(`${this.quoted(part)} marked as ${label}.`);
  }

  private clash(range: Range, except?: Mark): Mark | undefined {
    if (this.control.overlap) return undefined;
    return marksAt(this.marks, range).find((mark) => mark !== except);
  }

  /** Moves a bound of the chosen part by a character. */
  private move(bound: "start" | "end", step: number): void {
    const part = this.range ?? this.active;
    if (!part) return;
    const moved = { start: part.start, end: part.end };
    moved[bound] = this.offsets.toUnits(Math.max(0, this.offsets.toPoints(part[bound]) + step));
    if (moved.start >= moved.end || moved.end > this.box.text.length || this.clash(moved, this.active)) {
      this.say("It cannot go further.");
      return;
    }
    Object.assign(part, moved);
    if (part === this.active) this.done(`Now ${this.quoted(part)}.`);
    else {
      this.anchor = -1;
      this.paint();
      this.say(`Now ${this.quoted(part)}.`);
    }
  }

  private activate(mark: Mark): void {
    this.active = mark;
    this.range = undefined;
    this.anchor = -1;
    this.paint();
    const asked = this.source && this.source !== mark ? " Choose the relation." : "";
    this.say(`${this.quoted(mark)}, ${mark.label}, chosen.${asked}`);
  }

  private drop(mark: Mark): boolean {
    this.marks = this.marks.filter((one) => one !== mark);
    this.links = this.links.filter((link) => link.source !== mark && link.target !== mark);
    if (this.active === mark) this.active = undefined;
    if (this.source === mark) this.source = undefined;
    return this.done(`${this.quoted(mark)} is no longer marked.`);
  }

  private letGo(): boolean {
    if (!this.range && !this.active && !this.source && !this.brush) return false;
    this.range = this.active = this.source = undefined;
    this.anchor = -1;
    this.brush = "";
    this.paint();
    this.say("Nothing is chosen.");
    return true;
  }

  private startRelation(): boolean {
    this.source = this.active;
    this.paint();
    if (this.source) this.say(`Relation from ${this.quoted(this.source)}: choose the other part.`);
    return true;
  }

  private link(label: string): boolean {
    const [source, target] = [this.source, this.active];
    if (!source || !target || source === target) return true;
    const isThere = this.links.some((one) => one.source === source && one.target === target && one.label === label);
    if (!isThere) this.links.push({ source, target, label });
    this.source = undefined;
    return this.done(`${this.quoted(source)} ${label} ${this.quoted(target)}.`);
  }

  private done(message: string): boolean {
    this.marks.sort((one, other) => one.start - other.start || one.end - other.end || (one.label < other.label ? -1 : 1));
    this.change(this.marks.length ? this.inPoints() : undefined);
    this.paint();
    this.say(message);
    return true;
  }

  private inPoints(): Value {
    return {
      spans: this.marks.map((mark) => ({
        start: this.offsets.toPoints(mark.start),
        end: this.offsets.toPoints(mark.end),
        label: mark.label,
      })),
      relations: this.links.map((link) => ({
        from: this.marks.indexOf(link.source),
        to: this.marks.indexOf(link.target),
        label: link.label,
      })),
    };
  }

  // -- what it looks like

  private quoted(range: Range): string {
    const part = this.box.text.slice(range.start, range.end).replace(/\s+/g, " ");
    return `“${part.length > QUOTED_CHARACTERS ? `${part.slice(0, QUOTED_CHARACTERS - 1)}…` : part}”`;
  }

  private paint(): void {
    this.box.paint(this.marks, this.active, this.range);
    const current = this.active?.label ?? this.brush;
    for (const chip of this.labels.querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.dataset["label"] === current));
      chip.disabled = this.isReadonly;
    }
    this.nothing.show(this.value?.spans.length === 0, this.marks.length > 0, this.isReadonly);
    this.edit.hidden = this.isReadonly || (!this.range && !this.active);
    const other = this.source && this.active !== this.source ? this.active : undefined;
    this.relate.hidden = !this.source;
    this.relate.setAttribute("aria-label", "Relation");
    this.relate.querySelector('[data-part="pair"]')!.textContent = this.source
      ? `${this.quoted(this.source)} → ${other ? this.quoted(other) : "choose the other part"}`
      : "";
    for (const chip of this.relate.querySelectorAll("button")) chip.disabled = !other;
    this.list.replaceChildren(...this.marks.map((mark) => this.row(mark)));
    this.list.hidden = !this.marks.length;
    this.relations.replaceChildren(...this.links.map((link) => this.linkRow(link)));
    this.relations.hidden = !this.links.length;
  }

  private row(mark: Mark): HTMLLIElement {
    const row = make("li", "flex flex-wrap items-center gap-2");
    const look = "btn btn-sm marks-chip h-auto min-h-8 flex-1 justify-start text-start whitespace-normal";
    const choose = button(look, "", "", () => this.activate(mark));
    choose.append(make("span", "", this.box.text.slice(mark.start, mark.end)), make("span", "badge badge-sm", mark.label));
    choose.setAttribute("aria-pressed", String(mark === this.active));
    tint(choose, this.control.classes.findIndex((choice) => choice.name === mark.label));
    row.append(choose);
    if (!this.isReadonly) row.append(this.removal(`${this.quoted(mark)}, ${mark.label}`, () => this.drop(mark)));
    return row;
  }

  private linkRow(link: Link): HTMLLIElement {
    const row = make("li", "flex items-center gap-2 text-sm");
    const said = `${this.quoted(link.source)} ${link.label} ${this.quoted(link.target)}`;
    row.append(make("span", "flex-1", `${this.quoted(link.source)} → ${link.label} → ${this.quoted(link.target)}`));
    const remove = (): void => {
      this.links = this.links.filter((one) => one !== link);
      this.done(`${said}: no longer related.`);
    };
    if (!this.isReadonly) row.append(this.removal(said, remove));
    return row;
  }

  private removal(what: string, act: () => void): HTMLButtonElement {
    return button("btn btn-sm btn-square", "×", `Remove ${what}`, () => {
      act();
      this.focus();
    });
  }
}

customElements.define("answer-spans", AnswerSpans);
