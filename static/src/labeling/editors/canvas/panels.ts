/** What stands around the image: tools above it, labels and the list of shapes under it. Plain buttons, no state. */
import { keyCap, make, type Choice } from "../editor";
import { colourOf } from "./colours";

function swatch(index: number): HTMLElement {
  const mark = make("span", "shape-swatch", "", { "aria-hidden": "true" });
  mark.style.background = colourOf(index);
  return mark;
}

/** Sets the text only where it differs: a long list is updated with every step of a shape. */
function setText(element: Element | null | undefined, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}

export interface Tool {
  readonly name: string;
  readonly shown: string;
  readonly key: string;
  run(): void;
}

/** A row of buttons; `enable` switches one. */
export class Tools {
  readonly element = make("div", "shape-tools", "", { role: "group", "aria-label": "Image tools" });
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(tools: readonly Tool[]) {
    for (const tool of tools) {
      const button = make("button", "btn btn-sm", tool.shown, { type: "button", "data-tool": tool.name });
      // What is read aloud begins with what is shown, as voice control needs it.
      button.setAttribute("aria-label", tool.name.startsWith(tool.shown) ? tool.name : `${tool.shown} ${tool.name}`);
      button.title = `${tool.name} (${tool.key})`;
      button.addEventListener("click", () => tool.run());
      this.buttons.set(tool.name, button);
      this.element.append(button);
    }
  }

  enable(name: string, isOn: boolean): void {
    const button = this.buttons.get(name);
    if (button) button.disabled = !isOn;
  }
}

/** One chip a label; the pressed one is the selected shape's, or that of the next. */
export class Chips {
  readonly element = make("div", "shape-chips", "", { role: "group", "aria-label": "Label" });
  private readonly buttons: HTMLButtonElement[];

  constructor(classes: readonly Choice[], pick: (label: string) => void) {
    this.buttons = classes.map((one, index) => {
      const button = make("button", "btn btn-sm shape-chip", "", { type: "button", "aria-pressed": "false" });
      button.append(swatch(index), make("span", "", one.name));
      if (one.key) button.append(keyCap(one.key));
      button.addEventListener("click", () => pick(one.name));
      button.dataset["label"] = one.name;
      return button;
    });
    this.element.append(...this.buttons);
  }

  show(label: string, isEditable: boolean): void {
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset["label"] === label));
      button.disabled = !isEditable;
    }
  }
}

export interface Row {
  readonly title: string;
  readonly label: string;
  readonly place: string;
}

export interface ListEvents {
  pick(index: number): void;
  relabel(index: number, label: string): void;
  remove(index: number): void;
}

/** Every shape as a row: select it, give it another label, delete it. */
export class ShapeList {
  readonly element = make("ol", "shape-list", "", { "aria-label": "What you have drawn" });

  constructor(
    private readonly classes: readonly Choice[],
    private readonly events: ListEvents,
  ) {}

  show(rows: readonly Row[], selected: number | undefined, isEditable: boolean): void {
    while (this.element.children.length > rows.length) this.element.lastElementChild?.remove();
    while (this.element.children.length < rows.length) this.element.append(this.row(this.element.children.length));
    rows.forEach((row, index) => this.fill(this.element.children[index], row, index === selected, isEditable));
  }

  /** Puts the focus on a row; false where there is none. */
  focusRow(index: number): boolean {
    const button = this.element.children[index]?.querySelector<HTMLButtonElement>(".shape-pick");
    button?.focus();
    return button !== undefined && button !== null;
  }

  private row(index: number): HTMLLIElement {
    const item = make("li", "shape-row");
    const pick = make("button", "btn btn-sm btn-ghost shape-pick", "", { type: "button" });
    pick.append(swatch(0), make("span", "shape-title"), make("span", "shape-place"));
    pick.addEventListener("click", () => this.events.pick(index));
    item.append(pick);
    if (this.classes.length > 1) {
      const select = make("select", "select select-sm shape-label");
      for (const one of this.classes) select.append(make("option", "", one.name, { value: one.name }));
      select.addEventListener("change", (event) => {
        event.stopPropagation(); // the editor's own change event follows
        this.events.relabel(index, select.value);
      });
      item.append(select);
    }
    const remove = make("button", "btn btn-sm shape-remove", "✕", { type: "button" });
    remove.addEventListener("click", () => this.events.remove(index));
    item.append(remove);
    return item;
  }

  private fill(item: Element | undefined, row: Row, isSelected: boolean, isEditable: boolean): void {
    const pick = item?.querySelector<HTMLButtonElement>(".shape-pick");
    if (!item || !pick) return;
    const colour = colourOf(this.classes.findIndex((one) => one.name === row.label));
    const mark = pick.querySelector<HTMLElement>(".shape-swatch");
    if (mark) mark.style.background = colour;
    setText(pick.querySelector(".shape-title"), `${row.title} ${row.label}`);
    setText(pick.querySelector(".shape-place"), row.place);
    pick.setAttribute("aria-pressed", String(isSelected));
    const select = item.querySelector("select");
    if (select) {
      select.value = row.label;
      select.disabled = !isEditable;
      select.setAttribute("aria-label", `Label of ${row.title}`);
    }
    const remove = item.querySelector<HTMLButtonElement>(".shape-remove");
    remove?.setAttribute("aria-label", `Delete ${row.title}`);
    if (remove) remove.hidden = !isEditable;
  }
}
