/**
 * `<answer-spans>`: mark parts of a text, and relations between them.
 *
 * Choose words, then a label: tap the first and the last word, drag over them, or move with the arrow keys and hold Shift;
 * then the label's key or button. A label chosen first stays: each two taps mark then. `>` starts a relation at the chosen
 * span; choose another, then the relation's key. Enter chooses, Escape lets go, Delete removes.
 */
import { type Choice, choiceByKey, type Control, Editor, make } from "./editor";
import { button, keyed, set } from "./marks/buttons";
import "./marks/marks.css";
import { Offsets, type Token, tokens } from "./marks/offsets";
import { tint } from "./marks/tones";

interface SpansControl extends Control {
  readonly classes: readonly Choice[];
  readonly relation_classes: readonly Choice[];
  readonly overlap: boolean;
}

interface Value {
  readonly spans: readonly { readonly start: number; readonly end: number; readonly label: string }[];
  readonly relations: readonly { readonly from: number; readonly to: number; readonly label: string }[];
}

/** A span in UTF-16 places. */
interface Mark {
  start: number;
  end: number;
  label: string;
}

interface Link {
  readonly source: Mark;
  readonly target: Mark;
  readonly label: string;
}

interface Range {
  start: number;
  end: number;
}

const NONE: Value = { spans: [], relations: [] };
const QUOTED_CHARACTERS = 60;

class AnswerSpans extends Editor<SpansControl, Value> {
  private text = "";
  private offsets = new Offsets("");
  private pieces: Token[] = [];
  /** By place in `pieces`; undefined for white space that has no element of its own role. */
  private words: HTMLElement[] = [];
  private marks: Mark[] = [];
  private links: Link[] = [];
  /** Words that are chosen and have no label yet. */
  private range: Range | undefined;
  /** Word at which the range started, and word that has the focus. */
  private anchor = -1;
  private cursor = 0;
  /** The span that is chosen, and the one that a relation starts from. */
  private active: Mark | undefined;
  private source: Mark | undefined;
  /** The click that ends a drag is none of its own. */
  private isDragged = false;
  /** Label that stays chosen. */
  private brush = "";

  private readonly box = make("div", "panel marks-text", "", { role: "listbox", "aria-multiselectable": "true" });
  private readonly labels = make("div", "mt-3 flex flex-wrap gap-2", "", { role: "group", "aria-label": "Labels" });
  private readonly edit = make("div", "mt-2 flex flex-wrap gap-2", "", { role: "group", "aria-label": "Chosen part" });
  private readonly relate = make("div", "mt-2 flex flex-wrap items-center gap-2", "", { role: "group" });
  private readonly list = make("ul", "mt-3 grid gap-1", "", { "aria-label": "Marked parts" });
  private readonly relations = make("ul", "mt-2 grid gap-1", "", { "aria-label": "Relations" });

  override get value(): Value {
    return super.value ?? NONE;
  }

  override set value(value: Value | undefined) {
    super.value = value;
  }

  override get showsInput(): boolean {
    return true;
  }

  override focus(options?: FocusOptions): void {
    this.words[this.cursor]?.focus(options);
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
    return choice ? this.label(choice.name) : false;
  }

  protected build(): void {
    this.box.setAttribute("aria-label", `${this.control.title || "Text"}: choose words`);
    this.control.classes.forEach((choice, index) => this.labels.append(this.chip(choice, index, () => this.label(choice.name))));
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
    this.append(this.box, this.labels, this.edit, this.relate, this.list, this.relations);
    this.box.addEventListener("click", (event) => this.onClick(event));
    this.box.addEventListener("pointerdown", () => (this.isDragged = false));
    this.box.addEventListener("pointerup", () => this.takeSelection());
    this.box.addEventListener("keydown", (event) => this.onKey(event));
  }

  protected update(): void {
    const text = String(this.data[this.control.input] ?? "");
    if (text !== this.text || !this.words.length) this.lay(text);
    this.marks = this.value.spans.map((span) => ({
      start: this.offsets.toUnits(span.start),
      end: this.offsets.toUnits(span.end),
      label: span.label,
    }));
    this.links = this.value.relations.flatMap((relation) => {
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

  /** A new text: its words as elements that can be chosen. */
  private lay(text: string): void {
    this.text = text;
    this.offsets = new Offsets(text);
    this.pieces = tokens(text);
    this.cursor = Math.max(0, this.pieces.findIndex((piece) => !piece.isSpace));
    this.words = this.pieces.map((piece, index) => {
      const attributes: Record<string, string> = piece.isSpace ? {} : { role: "option", tabindex: "-1" };
      return make("span", "", text.slice(piece.start, piece.end), { ...attributes, "data-at": String(index) });
    });
    this.box.replaceChildren(...this.words);
    this.words[this.cursor]?.setAttribute("tabindex", "0");
  }

  // -- choosing words

  private at(target: EventTarget | null): number {
    const word = target instanceof Element ? target.closest<HTMLElement>('[role="option"]') : null;
    return word ? Number(word.dataset["at"]) : -1;
  }

  private onClick(event: MouseEvent): void {
    const at = this.at(event.target);
    if (at < 0 || this.isReadonly || this.isDragged) return;
    this.goTo(at);
    if (event.shiftKey && this.anchor >= 0) this.extend(at);
    else this.choose(at);
  }

  /** What a tap and Enter do: choose a marked span, start a range, or end the one that was started. */
  private choose(at: number): void {
    const piece = this.pieces[at];
    if (!piece) return;
    const here = this.marks.filter((mark) => mark.start < piece.end && piece.start < mark.end);
    const next = here[(here.indexOf(this.active as Mark) + 1) % (here.length + 1)];
    // A relation looks for its other end before all else.
    if (next && (this.source || (this.anchor < 0 && !this.brush))) return this.activate(next);
    const isSecond = this.anchor >= 0;
    if (isSecond) {
      this.extend(at);
      if (this.brush || this.control.classes.length === 1) this.label(this.brush || this.control.classes[0]!.name);
      else this.anchor = -1;
      return;
    }
    this.anchor = at;
    this.extend(at);
  }

  private extend(at: number): void {
    const [first, last] = [this.pieces[Math.min(this.anchor, at)], this.pieces[Math.max(this.anchor, at)]];
    if (first && last) this.hold({ start: first.start, end: last.end });
  }

  private hold(range: Range): void {
    this.range = range;
    this.active = undefined;
    this.paint();
    this.say(`${this.quoted(range)} chosen. Choose a label.`);
  }

  /** Text selected by dragging counts to the character. */
  private takeSelection(): void {
    const selection = getSelection();
    if (this.isReadonly || !selection || selection.isCollapsed || selection.rangeCount === 0) return;
    const range = selection.getRangeAt(0);
    const [start, end] = [this.place(range.startContainer, range.startOffset), this.place(range.endContainer, range.endOffset)];
    if (start === undefined || end === undefined || !this.trimmed({ start, end })) return;
    selection.removeAllRanges();
    this.isDragged = true;
    this.anchor = -1;
    this.hold(this.trimmed({ start, end })!);
    if (this.brush) this.label(this.brush);
  }

  private place(node: Node, offset: number): number | undefined {
    if (node === this.box) return this.pieces[offset]?.start ?? this.text.length;
    const word = (node instanceof Element ? node : node.parentElement)?.closest<HTMLElement>("[data-at]");
    if (!word || !this.box.contains(word)) return undefined;
    const start = this.pieces[Number(word.dataset["at"])]?.start ?? 0;
    return node.nodeType === Node.TEXT_NODE ? start + offset : start + (offset ? (word.textContent ?? "").length : 0);
  }

  private trimmed(range: Range): Range | undefined {
    const part = this.text.slice(range.start, range.end);
    const start = range.start + part.length - part.trimStart().length;
    const end = range.end - part.length + part.trimEnd().length;
    return start < end ? { start, end } : undefined;
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) this.walk(this.next(this.cursor, step), event);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.walk(this.vertical(event.key === "ArrowDown" ? 1 : -1), event);
    } else if (event.key === "Home") this.walk(this.next(-1, 1), event);
    else if (event.key === "End") this.walk(this.next(this.pieces.length, -1), event);
    else if ((event.key === "Enter" || event.key === " ") && !this.isReadonly) {
      event.preventDefault();
      this.choose(this.cursor);
    }
  }

  private walk(at: number, event: KeyboardEvent): void {
    event.preventDefault();
    if (this.pieces[at] === undefined) return;
    if (event.shiftKey && !this.isReadonly) {
      if (this.anchor < 0) this.anchor = this.cursor;
      this.goTo(at);
      this.extend(at);
      return;
    }
    // A walk without Shift leaves a finished choice as it is: its label can still follow.
    this.goTo(at);
  }

  /** The next word from a place, in a direction; the place itself at the end of the text. */
  private next(at: number, step: number): number {
    for (let place = at + step; place >= 0 && place < this.pieces.length; place += step) {
      if (!this.pieces[place]!.isSpace) return place;
    }
    return at;
  }

  /** The word above or below that lies nearest. */
  private vertical(direction: 1 | -1): number {
    const here = this.words[this.cursor]!.getBoundingClientRect();
    let best = this.cursor;
    let line: number | undefined;
    let nearest = Infinity;
    for (let at = this.next(this.cursor, direction); ; at = this.next(at, direction)) {
      const there = this.words[at]!.getBoundingClientRect();
      const isBeyond = (there.top - here.top) * direction > here.height / 2;
      if (isBeyond) {
        line ??= there.top;
        if (Math.abs(there.top - line) > here.height / 2) return best;
        const distance = Math.abs(there.left - here.left);
        if (distance < nearest) [best, nearest] = [at, distance];
      }
      if (at === this.next(at, direction)) return best;
    }
  }

  private goTo(at: number): void {
    this.words[this.cursor]?.setAttribute("tabindex", "-1");
    this.cursor = at;
    const word = this.words[at];
    word?.setAttribute("tabindex", "0");
    word?.focus();
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
    const part = this.trimmed(range);
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
    return this.marks.find((mark) => mark !== except && mark.start < range.end && range.start < mark.end);
  }

  /** Moves a bound of the chosen part by a character. */
  private move(bound: "start" | "end", step: number): void {
    const part = this.range ?? this.active;
    if (!part) return;
    const moved = { start: part.start, end: part.end };
    moved[bound] = this.offsets.toUnits(Math.max(0, this.offsets.toPoints(part[bound]) + step));
    if (moved.start >= moved.end || moved.end > this.text.length || this.clash(moved, this.active)) {
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
    this.paint();
    this.change({
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
    });
    this.say(message);
    return true;
  }

  // -- what it looks like

  private quoted(range: Range): string {
    const part = this.text.slice(range.start, range.end).replace(/\s+/g, " ");
    return `“${part.length > QUOTED_CHARACTERS ? `${part.slice(0, QUOTED_CHARACTERS - 1)}…` : part}”`;
  }

  private paint(): void {
    this.words.forEach((word, at) => this.paintWord(word, this.pieces[at]!));
    const current = this.active?.label ?? this.brush;
    for (const chip of this.labels.querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.dataset["label"] === current));
      chip.disabled = this.isReadonly;
    }
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

  private paintWord(word: HTMLElement, piece: Token): void {
    const here = this.marks.filter((mark) => mark.start < piece.end && piece.start < mark.end);
    const isChosen = this.range !== undefined && this.range.start < piece.end && piece.start < this.range.end;
    const top = here.find((mark) => mark === this.active) ?? here.at(-1);
    const ending = here.filter((mark) => mark.end <= piece.end).map((mark) => mark.label);
    set(word, "data-mark", top ? (here.length > 1 ? "many" : "one") : undefined);
    set(word, "data-active", top && top === this.active ? "" : undefined);
    set(word, "data-label", ending.length ? ending.join(", ") : undefined);
    set(word, "data-chosen", isChosen ? "" : undefined);
    if (top) tint(word, this.control.classes.findIndex((choice) => choice.name === top.label));
    if (piece.isSpace) return;
    set(word, "aria-selected", String(isChosen || here.length > 0));
    set(word, "aria-label", here.length ? `${word.textContent ?? ""}, ${here.map((mark) => mark.label).join(", ")}` : undefined);
  }

  private row(mark: Mark): HTMLLIElement {
    const row = make("li", "flex flex-wrap items-center gap-2");
    const choose = button("btn btn-sm marks-chip h-auto min-h-8 flex-1 justify-start text-start whitespace-normal", "", "", () => this.activate(mark));
    choose.append(make("span", "", this.text.slice(mark.start, mark.end)), make("span", "badge badge-sm", mark.label));
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
