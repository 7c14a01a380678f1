/** The editors of a task's questions: loads those in use, collects the answer, says which key goes where. */
import type { Control, Editor, TaskData } from "../editors/editor";
import { define } from "./editor-modules";
import type { Answer } from "./sender";

const ACTIVE = ["outline-2", "outline-offset-4", "outline-primary"];

export interface AnswerFormEvents {
  /** The annotator changed something. */
  changed(): void;
  say(message: string): void;
}

export class AnswerForm {
  private editors: Editor[] = [];

  /**
   * @param place holds an element `[data-editor="NAME"]` for each control, with the plain form's fields until the editor
   *   is here.
   */
  constructor(
    private readonly place: HTMLElement,
    private readonly controls: readonly Control[],
    private readonly events: AnswerFormEvents,
  ) {}

  /** Fetch the editors and put them in place of the plain fields. Rejects where one cannot be had. */
  async load(): Promise<void> {
    await Promise.all([...new Set(this.controls.map((control) => control.type))].map(define));
    this.editors = this.controls.map((control) => this.make(control));
  }

  get isReady(): boolean {
    return this.editors.length > 0;
  }

  /** The one question whose answer is sent with the press; undefined where Submit sends. */
  get lone(): Control | undefined {
    return isLone(this.controls) ? this.controls[0] : undefined;
  }

  /** Show a task with what was answered so far. */
  show(data: TaskData, answer: Answer = {}): void {
    for (const editor of this.editors) editor.present(data, answer[editor.control.name]);
    this.markActive();
  }

  /** A value for each question that has one. */
  get answer(): Answer {
    const given = this.editors.filter((editor) => editor.value !== undefined);
    return Object.fromEntries(given.map((editor) => [editor.control.name, editor.value]));
  }

  /** Whether an editor shows this input itself. */
  showsInput(name: string): boolean {
    return this.editors.some((editor) => editor.control.input === name && editor.showsInput);
  }

  /** What stands in the way of sending, with the focus where it is; '' if nothing does. */
  problem(): string {
    for (const editor of this.editors) {
      const problem = editor.problem();
      if (problem) {
        editor.focus();
        return problem;
      }
    }
    return "";
  }

  /** Where the next task begins: at the first question, unless the only one keeps the focus anyway. */
  focusFirst(): void {
    const [first] = this.editors;
    if (first && !(this.editors.length === 1 && first.contains(document.activeElement))) first.focus();
  }

  /** Whether the key was meant for a question and has been dealt with. */
  keys(event: KeyboardEvent): boolean {
    const { active } = this;
    if (!active?.keys(event)) return false;
    if (active.isAnsweredByKey && !this.lone) {
      const later = this.editors.slice(this.editors.indexOf(active) + 1);
      later.find((editor) => editor.value === undefined)?.focus();
    }
    return true;
  }

  /** The question that has the focus, else the first that has no value yet, else the first. */
  private get active(): Editor | undefined {
    return (
      this.editors.find((editor) => editor.contains(document.activeElement)) ??
      this.editors.find((editor) => editor.value === undefined) ??
      this.editors[0]
    );
  }

  private markActive(): void {
    if (this.editors.length < 2) return;
    const { active } = this;
    for (const editor of this.editors) {
      for (const name of ACTIVE) editor.classList.toggle(name, editor === active);
    }
  }

  private make(control: Control): Editor {
    const editor = document.createElement(`answer-${control.type}`) as Editor;
    editor.control = control;
    if (this.lone) editor.setAttribute("alone", "");
    editor.addEventListener("change", () => {
      this.markActive();
      this.events.changed();
    });
    editor.addEventListener("say", (event) => this.events.say(String((event as CustomEvent).detail)));
    editor.addEventListener("focusin", () => this.markActive());
    const holder = this.place.querySelector(`[data-editor="${control.name}"]`);
    if (!holder) throw new Error(`the page has no place for ${control.name}`);
    holder.replaceChildren(editor);
    return editor;
  }
}

/** Whether a design asks for one choice and nothing else. */
export function isLone(controls: readonly Control[]): boolean {
  return controls.length === 1 && controls[0]?.type === "choice";
}
