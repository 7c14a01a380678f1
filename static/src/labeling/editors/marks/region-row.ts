/** One marked stretch of time in the list: its label, its times, its text, what can be done with it. */
import { type Choice, make } from "../editor";
import type { Region } from "../regions";
import { button, set } from "./buttons";
import { tint } from "./tones";

export interface RowActions {
  readonly change: (change: Partial<Region>) => void;
  readonly choose: () => void;
  readonly play: () => void;
  readonly remove: () => void;
}

export class RegionRow {
  readonly element = make("li", "panel marks-chip grid gap-2 p-2");
  private readonly label = make("select", "select select-sm min-w-28 flex-1");
  private readonly start = make("input", "input input-sm w-20", "", { type: "number", step: "0.01", min: "0" });
  private readonly end = make("input", "input input-sm w-20", "", { type: "number", step: "0.01", min: "0" });
  private readonly text = make("input", "input w-full", "", { autocomplete: "off" });
  private readonly choose: HTMLButtonElement;
  private readonly play: HTMLButtonElement;
  private readonly remove: HTMLButtonElement;

  constructor(
    region: Region,
    private readonly classes: readonly Choice[],
    private readonly hasText: boolean,
    actions: RowActions,
  ) {
    for (const one of classes) this.label.append(make("option", "", one.name, { value: one.name }));
    this.label.addEventListener("change", () => actions.change({ label: this.label.value }));
    this.start.addEventListener("change", () => actions.change({ start_ms: milliseconds(this.start, region.start_ms) }));
    this.end.addEventListener("change", () => actions.change({ end_ms: milliseconds(this.end, region.end_ms) }));
    this.text.addEventListener("input", () => actions.change({ text: this.text.value }));
    this.choose = button("btn btn-sm", "Choose", "", actions.choose);
    this.play = button("btn btn-sm", "Play", "", actions.play);
    this.remove = button("btn btn-sm btn-square", "×", "", actions.remove);
    const line = make("div", "flex flex-wrap items-center gap-2");
    const times = make("span", "flex items-center gap-2");
    times.append(this.start, make("span", "", "to"), this.end, make("span", "", "s"));
    line.append(this.label, times, this.play, this.choose, this.remove);
    this.element.append(line);
    if (hasText) this.element.append(this.text);
  }

  show(region: Region, place?: number, isActive?: boolean, isReadonly?: boolean): void {
    this.label.value = region.label;
    this.start.value = (region.start_ms / 1000).toFixed(2);
    this.end.value = (region.end_ms / 1000).toFixed(2);
    if (this.text.value.trim() !== (region.text ?? "").trim()) this.text.value = region.text ?? "";
    tint(this.element, this.classes.findIndex((one) => one.name === region.label));
    if (place === undefined) return;
    const names: [HTMLElement, string][] = [
      [this.label, `Label of region ${place}`],
      [this.start, `Start of region ${place}, seconds`],
      [this.end, `End of region ${place}, seconds`],
      [this.text, `Text of region ${place}`],
      [this.play, `Play region ${place}`],
      [this.choose, `Choose region ${place}`],
      [this.remove, `Remove region ${place}`],
    ];
    for (const [part, name] of names) set(part, "aria-label", name);
    this.choose.setAttribute("aria-pressed", String(isActive));
    this.choose.classList.toggle("btn-primary", isActive);
    for (const part of [this.label, this.start, this.end, this.text]) part.disabled = Boolean(isReadonly);
    this.choose.hidden = this.remove.hidden = Boolean(isReadonly);
  }

  focusText(): void {
    if (this.hasText) this.text.focus();
  }
}

/** The typed time; the one before where it is no number. A time that was not touched keeps its last digits. */
function milliseconds(field: HTMLInputElement, before: number): number {
  const typed = field.valueAsNumber;
  if (!Number.isFinite(typed)) return before;
  return typed.toFixed(2) === (before / 1000).toFixed(2) ? before : Math.round(typed * 1000);
}
