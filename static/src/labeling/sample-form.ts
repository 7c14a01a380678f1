/**
 * `<sample-form>`: the requester answers an item of the sample with the annotators' own editors; the time it takes is
 * sent along. Without this element the plain form works for the questions that have plain fields.
 */
import { pageData } from "../core/lib/http";
import { AnswerForm } from "./lib/answer-form";
import type { PlayerData } from "./lib/player-data";
import { showInput } from "./lib/inputs";
import type { Task } from "./lib/sender";

interface SampleData {
  readonly task: Pick<Task, "id" | "data">;
  readonly design: PlayerData["design"];
}

class SampleForm extends HTMLElement {
  private sample!: SampleData;
  private answers!: AnswerForm;
  private shownAt = 0;
  private stop: () => void = () => undefined;

  connectedCallback(): void {
    this.sample = pageData<SampleData>("sample-data");
    const place = this.querySelector<HTMLElement>('[data-part="controls"]');
    if (!place) throw new Error("the sample has no place for answers");
    this.answers = new AnswerForm(place, this.sample.design.controls, {
      changed: () => {
        if (this.answers.lone) this.send();
      },
      say: (message) => this.say(message),
    });
    const keys = (event: KeyboardEvent): void => this.onKey(event);
    document.addEventListener("keydown", keys);
    this.stop = () => document.removeEventListener("keydown", keys);
    this.shownAt = performance.now();
    this.addEventListener("submit", (event) => {
      if (!this.answers.isReady) return;
      event.preventDefault();
      this.send();
    });
    void this.load();
  }

  disconnectedCallback(): void {
    this.stop();
  }

  private async load(): Promise<void> {
    try {
      await this.answers.load();
    } catch {
      this.say("The answer's fields could not be loaded. Check the connection and open the page again.");
      return;
    }
    const { data } = this.sample.task;
    for (const input of this.sample.design.inputs) {
      const place = this.querySelector<HTMLElement>(`[data-input="${input.name}"]`);
      const isShown = !this.answers.showsInput(input.name);
      place?.closest("section")?.toggleAttribute("hidden", !isShown);
      if (place && isShown) showInput(place, input, data[input.name]);
    }
    this.answers.show(data);
    if (!this.answers.lone) this.answers.focusFirst();
    this.shownAt = performance.now();
    this.dataset["ready"] = "";
  }

  private onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || event.repeat || !this.answers.isReady) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !this.answers.lone) {
      event.preventDefault();
      this.send();
      return;
    }
    if (target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
    if ((event.key === "Enter" || event.key === " ") && target.closest("button, a, summary, input")) return;
    if (this.answers.keys(event)) event.preventDefault();
  }

  private send(): void {
    const problem = this.answers.problem();
    if (problem) {
      this.say(problem);
      return;
    }
    this.field("given").value = JSON.stringify(this.answers.answer);
    this.field("elapsed_ms").value = String(Math.round(performance.now() - this.shownAt));
    this.querySelector<HTMLFormElement>("form")?.submit();
  }

  private field(name: string): HTMLInputElement {
    const found = this.querySelector<HTMLInputElement>(`[name="${name}"]`);
    if (!found) throw new Error(`the sample has no field ${name}`);
    return found;
  }

  private say(message: string): void {
    const status = this.querySelector('[data-part="status"]');
    if (status) status.textContent = message;
  }
}

customElements.define("sample-form", SampleForm);
