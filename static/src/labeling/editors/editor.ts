/**
 * What every editor of an answer has in common: one custom element per control of a design, in light DOM.
 *
 * A module `editors/<type>.ts` defines `<answer-TYPE>`; the player loads it only where a control of that type is in use,
 * sets `control`, `data` and `value`, and listens for `change`. The element builds its content once and then only updates
 * it: the next task must be on the screen within a frame or two.
 */

/** A control of a design as the server gives it; each type adds members of its own. */
export interface Control {
  readonly type: string;
  readonly name: string;
  readonly input: string;
  readonly title: string;
  readonly required: boolean;
}

/** The inputs of a task by name. */
export type TaskData = Readonly<Record<string, unknown>>;

/** A choice among several, with the key that picks it ('' where it has none). */
export interface Choice {
  readonly name: string;
  readonly key: string;
}

/**
 * Base of all editors.
 *
 * Set from outside: `control` (once, before the element enters the page), `data` and `value` (with every task; `value` is
 * undefined for a task that has no draft), the attribute `readonly`.
 *
 * A subclass writes `build()` (makes the content, once), `update()` (shows `data` and `value`) and, where it has keys,
 * `keys()`. It calls `change()` when the annotator changed the value and `say()` when that is not plain to hear.
 */
export abstract class Editor<C extends Control = Control, V = unknown> extends HTMLElement {
  static readonly observedAttributes: readonly string[] = ["readonly"];

  control!: C;
  private currentData: TaskData = {};
  private currentValue: V | undefined;
  private isBuilt = false;

  connectedCallback(): void {
    if (!this.isBuilt) {
      this.isBuilt = true;
      this.replaceChildren();
      this.build();
    }
    this.update();
    this.dataset["ready"] = "";
  }

  attributeChangedCallback(): void {
    if (this.isBuilt) this.update();
  }

  get data(): TaskData {
    return this.currentData;
  }

  set data(data: TaskData) {
    this.currentData = data;
    if (this.isBuilt) this.update();
  }

  get value(): V | undefined {
    return this.currentValue;
  }

  set value(value: V | undefined) {
    this.currentValue = value;
    if (this.isBuilt) this.update();
  }

  /** A task, with what was answered so far: `data` and `value` in one update. */
  present(data: TaskData, value: V | undefined): void {
    this.currentData = data;
    this.currentValue = value;
    if (this.isBuilt) this.update();
  }

  get isReadonly(): boolean {
    return this.hasAttribute("readonly");
  }

  /** Whether this is the task's only question and is sent with the first change. */
  get isAlone(): boolean {
    return this.hasAttribute("alone");
  }

  /** Whether one key is a whole answer, after which the annotator goes on to the next question. */
  get isAnsweredByKey(): boolean {
    return false;
  }

  /** Whether the element shows its control's input itself (an image with boxes on it); the player then does not. */
  get showsInput(): boolean {
    return false;
  }

  /** What stands in the way of sending the value, for the annotator to read; '' if nothing does. */
  problem(): string {
    if (!this.control.required || this.value !== undefined) return "";
    return this.control.title ? `“${this.control.title}” is not answered yet.` : "This is not answered yet.";
  }

  /** Puts the focus where the annotator goes on. */
  override focus(options?: FocusOptions): void {
    const first =
      this.querySelector<HTMLElement>("[data-first]") ??
      this.querySelector<HTMLElement>("input:checked") ??
      this.querySelector<HTMLElement>("input, textarea, select, button, [tabindex='0']");
    if (first) first.focus(options);
    else super.focus(options);
  }

  /** A key that was pressed outside of inputs; true if it was meant for this element and has been dealt with. */
  keys(_event: KeyboardEvent): boolean {
    return false;
  }

  /** Makes the content, once. */
  protected abstract build(): void;

  /** Shows `data`, `value` and `isReadonly`, whenever one of them was set from outside. */
  protected abstract update(): void;

  /** The annotator changed the value: keep it, and tell the player. Does not call `update()`. */
  protected change(value: V | undefined): void {
    this.currentValue = value;
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Have a screen reader say what happened; the player owns the live region. */
  protected say(message: string): void {
    this.dispatchEvent(new CustomEvent("say", { bubbles: true, detail: message }));
  }
}

/** The choice that a key picks: its own key, or its place from 1 to 9. */
export function choiceByKey<T extends Choice>(choices: readonly T[], event: KeyboardEvent): T | undefined {
  const key = event.key.toLowerCase();
  return choices.find((one) => one.key === key) ?? (/^[1-9]$/.test(key) ? choices[Number(key) - 1] : undefined);
}

/** A new element with classes, text and attributes: `make("button", "btn", "Add", { type: "button" })`. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  classes = "",
  text = "",
  attributes: Readonly<Record<string, string>> = {},
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** A `<kbd>` that shows a key; hidden from screen readers, which have the button's name. */
export function keyCap(key: string): HTMLElement {
  return make("kbd", "kbd text-base-content", key.toUpperCase(), { "aria-hidden": "true" });
}
