/** A text as words that can be chosen: by tap, by dragging over them, by arrow keys; and what is marked in it. */
import { type Choice, make } from "../editor";
import { set } from "./buttons";
import { type Token, tokens } from "./offsets";
import { tint } from "./tones";

/** A part of the text in UTF-16 places; `end` is exclusive. */
export interface Range {
  start: number;
  end: number;
}

export interface Mark extends Range {
  label: string;
}

export interface WordBoxEvents {
  /** A word was tapped, or Enter pressed on it. */
  choose(at: number): void;
  /** Shift was held on the way from one word to another. */
  extend(at: number, from: number): void;
  /** A part was selected by dragging, to the character. */
  select(range: Range): void;
}

export class WordBox {
  readonly element = make("div", "panel marks-text", "", { role: "listbox", "aria-multiselectable": "true" });
  isReadonly = false;
  text = "";
  pieces: Token[] = [];
  /** One element a piece; white space has no role. */
  private words: HTMLElement[] = [];
  private cursor = 0;
  /** The click that ends a drag is none of its own. */
  private isDragged = false;

  constructor(
    private readonly classes: readonly Choice[],
    private readonly events: WordBoxEvents,
  ) {
    this.element.addEventListener("click", (event) => this.onClick(event));
    this.element.addEventListener("pointerdown", () => this.beginDrag());
    this.element.addEventListener("keydown", (event) => this.onKey(event));
  }

  focus(options?: FocusOptions): void {
    this.words[this.cursor]?.focus(options);
  }

  /** A new text: its words as elements that can be chosen. */
  show(text: string): void {
    if (text === this.text && this.words.length) return;
    this.text = text;
    this.pieces = tokens(text);
    this.cursor = Math.max(0, this.pieces.findIndex((piece) => !piece.isSpace));
    this.words = this.pieces.map((piece, index) => {
      const attributes: Record<string, string> = piece.isSpace ? {} : { role: "option" };
      return make("span", "", text.slice(piece.start, piece.end), { ...attributes, "data-at": String(index) });
    });
    this.element.replaceChildren(...this.words);
    this.words[this.cursor]?.setAttribute("tabindex", "0");
  }

  /** A part without white space at its ends; undefined where nothing is left. */
  trimmed(range: Range): Range | undefined {
    const part = this.text.slice(range.start, range.end);
    const start = range.start + part.length - part.trimStart().length;
    const end = range.end - part.length + part.trimEnd().length;
    return start < end ? { start, end } : undefined;
  }

  /** Shows what is marked, what of it is chosen, and the words that are chosen for a new mark. */
  paint(marks: readonly Mark[], active: Mark | undefined, range: Range | undefined): void {
    this.words.forEach((word, at) => {
      const piece = this.pieces[at]!;
      const isChosen = range !== undefined && range.start < piece.end && piece.start < range.end;
      this.paintWord(word, piece, marksAt(marks, piece), active, isChosen);
    });
  }

  private paintWord(
    word: HTMLElement,
    piece: Token,
    here: readonly Mark[],
    active: Mark | undefined,
    isChosen: boolean,
  ): void {
    const top = here.find((mark) => mark === active) ?? here.at(-1);
    const ending = here.filter((mark) => mark.end <= piece.end).map((mark) => mark.label);
    set(word, "data-mark", top ? (here.length > 1 ? "many" : "one") : undefined);
    set(word, "data-active", top && top === active ? "" : undefined);
    set(word, "data-label", ending.length ? ending.join(", ") : undefined);
    set(word, "data-chosen", isChosen ? "" : undefined);
    if (top) tint(word, this.classes.findIndex((choice) => choice.name === top.label));
    if (piece.isSpace) return;
    set(word, "aria-selected", String(isChosen || here.length > 0));
    const labels = here.map((mark) => mark.label).join(", ");
    set(word, "aria-label", labels ? `${word.textContent ?? ""}, ${labels}` : undefined);
  }

  // -- choosing words

  private at(target: EventTarget | null): number {
    const word = target instanceof Element ? target.closest<HTMLElement>('[role="option"]') : null;
    return word ? Number(word.dataset["at"]) : -1;
  }

  private onClick(event: MouseEvent): void {
    const at = this.at(event.target);
    if (at < 0 || this.isReadonly || this.isDragged) return;
    const from = this.cursor;
    this.goTo(at);
    if (event.shiftKey) this.events.extend(at, from);
    else this.events.choose(at);
  }

  /** Chromium selects no text from the start of a word that can have the focus: none has while the pointer is down. */
  private beginDrag(): void {
    this.isDragged = false;
    this.words[this.cursor]?.removeAttribute("tabindex");
    const stop = new AbortController();
    const end = (): void => {
      stop.abort();
      this.words[this.cursor]?.setAttribute("tabindex", "0");
      this.takeSelection();
    };
    // On the document: a drag may end outside of the text.
    for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, end, { signal: stop.signal });
  }

  /** Text selected by dragging counts to the character. */
  private takeSelection(): void {
    const selection = getSelection();
    if (this.isReadonly || !selection || selection.isCollapsed || selection.rangeCount === 0) return;
    const range = selection.getRangeAt(0);
    const start = this.place(range.startContainer, range.startOffset);
    const end = this.place(range.endContainer, range.endOffset);
    const part = start === undefined || end === undefined ? undefined : this.trimmed({ start, end });
    if (!part) return;
    selection.removeAllRanges();
    this.isDragged = true;
    this.events.select(part);
  }

  private place(node: Node, offset: number): number | undefined {
    if (node === this.element) return this.pieces[offset]?.start ?? this.text.length;
    const word = (node instanceof Element ? node : node.parentElement)?.closest<HTMLElement>("[data-at]");
    if (!word || !this.element.contains(word)) return undefined;
    const start = this.pieces[Number(word.dataset["at"])]?.start ?? 0;
    return node.nodeType === Node.TEXT_NODE ? start + offset : start + (offset ? (word.textContent ?? "").length : 0);
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
      this.events.choose(this.cursor);
    }
  }

  private walk(at: number, event: KeyboardEvent): void {
    event.preventDefault();
    if (this.pieces[at] === undefined) return;
    const from = this.cursor;
    this.goTo(at);
    // A walk without Shift leaves a choice as it is: its label can still follow.
    if (event.shiftKey && !this.isReadonly) this.events.extend(at, from);
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
    this.words[this.cursor]?.removeAttribute("tabindex");
    this.cursor = at;
    const word = this.words[at];
    word?.setAttribute("tabindex", "0");
    word?.focus();
  }
}

/** The marks that cover some of a part. */
export function marksAt(marks: readonly Mark[], part: Range): Mark[] {
  return marks.filter((mark) => mark.start < part.end && part.start < mark.end);
}
