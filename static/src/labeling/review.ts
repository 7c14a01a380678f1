/**
 * `<answer-review>`: shows answers as they were given, in the editors they were given with, read-only. On an adjudicator's
 * page one of them, or what the adjudicator makes of it, becomes the item's result. Without it the page has the answers in
 * words and takes one of them.
 */
import { pageData } from "../core/lib/http";
import { type Control, type Editor, make, type TaskData } from "./editors/editor";
import { define } from "./lib/editor-modules";

type Answer = Readonly<Record<string, unknown>>;

interface ReviewData {
  readonly design: { readonly controls: readonly Control[] };
  readonly data: TaskData;
  readonly answers: readonly { readonly id: string; readonly answer: Answer }[];
}

class AnswerReview extends HTMLElement {
  private review!: ReviewData;
  private editors: Editor[] = [];

  connectedCallback(): void {
    this.review = pageData<ReviewData>("review-data");
    void this.load();
  }

  private async load(): Promise<void> {
    const types = new Set(this.review.design.controls.map((control) => control.type));
    try {
      await Promise.all([...types].map(define));
    } catch {
      return; // the answers stay there in words
    }
    for (const { id, answer } of this.review.answers) this.showAnswer(id, answer);
    this.prepareForm();
    this.dataset["ready"] = "";
  }

  private showAnswer(id: string, answer: Answer): void {
    const place = this.querySelector<HTMLElement>(`[data-answer="${id}"]`);
    if (!place) return;
    place.classList.remove("whitespace-pre-wrap", "text-lg");
    place.replaceChildren(...this.questions(answer, true));
    for (const editor of place.querySelectorAll<Editor>("[data-ready]")) {
      // An editor that shows its input itself makes the item's own view of it superfluous.
      if (editor.showsInput) this.querySelector(`[data-input="${editor.control.input}"]`)?.setAttribute("hidden", "");
    }
  }

  /** An editor for each question, with its title where there are several. */
  private questions(answer: Answer, isReadonly: boolean): HTMLElement[] {
    return this.review.design.controls.map((control) => {
      const editor = document.createElement(`answer-${control.type}`) as Editor;
      editor.control = control;
      editor.data = this.review.data;
      editor.value = answer[control.name];
      editor.toggleAttribute("readonly", isReadonly);
      if (!isReadonly) this.editors.push(editor);
      const group = make("div", "grid gap-1", "", { role: "group", "aria-label": control.title || "The answer" });
      if (control.title) group.append(make("p", "font-semibold", control.title));
      group.append(editor);
      return group;
    });
  }

  private prepareForm(): void {
    const form = this.querySelector<HTMLFormElement>('[data-part="adjudicate"]');
    const place = form?.querySelector<HTMLElement>('[data-part="editors"]');
    if (!form || !place) return;
    form.querySelector<HTMLElement>('[data-part="own"]')?.removeAttribute("hidden");
    form.addEventListener("change", (event) => {
      const target = event.target as HTMLInputElement;
      if (target.name === "as") this.correct(place, target.value);
    });
    form.addEventListener("submit", (event) => {
      if (!place.hidden && !this.take(form)) event.preventDefault();
    });
  }

  /** Opens the editors, with the first answer to begin with, where the adjudicator corrects; closes them otherwise. */
  private correct(place: HTMLElement, chosen: string): void {
    place.hidden = chosen !== "";
    if (place.hidden || this.editors.length > 0) return;
    place.replaceChildren(...this.questions(this.review.answers[0]?.answer ?? {}, false));
    this.editors[0]?.focus();
  }

  /** Puts the corrected answer into the form; false where it is not whole. */
  private take(form: HTMLFormElement): boolean {
    const problem = this.editors.map((editor) => editor.problem()).find(Boolean) ?? "";
    const shown = form.querySelector<HTMLElement>('[data-part="problem"]');
    if (shown) {
      shown.textContent = problem;
      shown.hidden = !problem;
    }
    const given = this.editors.filter((editor) => editor.value !== undefined);
    const answer = Object.fromEntries(given.map((editor) => [editor.control.name, editor.value]));
    const field = form.querySelector<HTMLInputElement>('[data-part="answer"]');
    if (field) field.value = JSON.stringify(answer);
    return !problem;
  }
}

customElements.define("answer-review", AnswerReview);
