/**
 * What the editors of boxes, polygons and points have in common: the image with the shapes on it, their labels, a list of
 * them, undo. `ShapeEditor` adds pointers and keys.
 */
import "./canvas.css";

import { Editor, make, type Choice, type Control } from "../editor";
import { colourOf } from "./colours";
import { boundsOf, clamp, type Point, type Shape, type Size } from "./geometry";
import { History } from "./history";
import { handleMark, shapeMark } from "./marks";
import { Chips, ShapeList, Tools } from "./panels";
import { Stage, type StageEvents } from "./stage";

export interface ShapeControl extends Control {
  readonly classes: readonly Choice[];
  readonly least: number;
  readonly most: number;
}

interface Media {
  readonly url?: string;
  readonly width?: number;
  readonly height?: number;
}

export abstract class ShapeBoard<S extends Shape> extends Editor<ShapeControl, readonly S[]> implements StageEvents {
  /** One shape in words, and several. */
  protected abstract readonly noun: string;
  protected abstract readonly nouns: string;
  /** How to draw by mouse or finger, and by keys, in a line or two under the image. */
  protected abstract readonly hint: string;
  protected abstract readonly keyHint: string;
  /** Whether a drag on the image draws; otherwise it moves the image. */
  protected abstract readonly drawsByDrag: boolean;

  protected stage!: Stage;
  protected shapes: readonly S[] = [];
  protected selected: number | undefined;
  /** The corner that the next tap or the arrow keys move. */
  protected corner: number | undefined;
  /** Points placed so far of a shape that is not complete. */
  protected draft: readonly Point[] = [];
  /** Where the next point would go: the mouse, or the cursor that arrow keys move. */
  protected cursor: Point | undefined;

  protected label = "";
  private isNone = false;
  private isEntering = false;
  private history = new History<readonly S[]>([]);
  private shownUrl: string | undefined;
  private tools!: Tools;
  private chips!: Chips;
  private list!: ShapeList;
  private none!: HTMLInputElement;
  private failure!: HTMLElement;

  override get showsInput(): boolean {
    return true;
  }

  override problem(): string {
    if (this.draft.length > 0) return `A ${this.noun} is not complete yet: finish it, or give it up with Escape.`;
    const { least, most } = this.control;
    const count = this.value?.length ?? 0;
    if (count < least || count > most) {
      const wanted = least === most ? `${least}` : `${least} to ${most}`;
      return `Draw ${wanted} ${most === 1 ? this.noun : this.nouns}; there are ${count}.`;
    }
    if (!this.control.required || this.value !== undefined) return "";
    return `Draw the ${this.nouns}, or say that there are none.`;
  }

  // -- what each type of shape defines

  /** Its corners, as handles at which it can be changed. */
  protected abstract corners(shape: S): readonly Point[];
  /** The shape with one corner elsewhere. */
  protected abstract withCorner(shape: S, index: number, to: Point): S;
  protected abstract moved(shape: S, dx: number, dy: number): S;
  /** Its lines as an SVG path. */
  protected abstract path(shape: S): string;
  /** Whether a point is in it, or on it. */
  protected abstract holds(shape: S, at: Point, reach: number): boolean;
  /** Where it is, in words. */
  protected abstract place(shape: S): string;
  /** A tap where nothing is selected or changed. */
  protected abstract put(at: Point, reach: number): void;
  /** A new shape in the middle of what is visible, for the keyboard. */
  protected abstract begin(centre: Point): void;
  /** The shape between the start of a drag and its present end. */
  protected dragged(_from: Point, _to: Point): Omit<S, "label"> | undefined {
    return undefined;
  }
  /** Alt and an arrow key. */
  protected resized(shape: S, _dx: number, _dy: number): S {
    return shape;
  }
  /** Enter: completes the draft. */
  protected complete(): void {}
  /** Keys of one type alone. */
  protected ownKeys(_event: KeyboardEvent): boolean {
    return false;
  }
  /** The draft as an SVG path. */
  protected draftPath(): string {
    const points = this.cursor ? [...this.draft, this.cursor] : this.draft;
    return points.map((point, index) => `${index ? "L" : "M"}${point.x} ${point.y}`).join("");
  }

  // -- Editor

  protected build(): void {
    this.classList.add("shape-editor");
    this.label = this.control.classes[0]?.name ?? "";
    this.stage = new Stage(this);
    this.tools = new Tools([
      { name: `New ${this.noun}`, shown: `New ${this.noun}`, key: "N", run: () => this.start() },
      { name: "Undo a step", shown: "↶", key: "Ctrl+Z", run: () => this.undo() },
      { name: "Redo a step", shown: "↷", key: "Ctrl+Y", run: () => this.redo() },
      { name: "Zoom out", shown: "−", key: "-", run: () => this.stage.zoomOut() },
      { name: "Fit the whole image", shown: "Fit", key: "0", run: () => this.stage.zoomWhole() },
      { name: "Zoom in", shown: "+", key: "+", run: () => this.stage.zoomIn() },
    ]);
    this.chips = new Chips(this.control.classes, (label) => this.pickLabel(label));
    this.list = new ShapeList(this.control.classes, {
      pick: (index) => this.select(index),
      relabel: (index, label) => this.relabel(index, label),
      remove: (index) => this.erase(index, true),
    });
    this.none = make("input", "checkbox", "", { type: "checkbox" });
    this.none.addEventListener("change", (event) => {
      event.stopPropagation();
      this.isNone = this.none.checked;
      this.tell();
    });
    const none = make("label", "shape-none");
    none.append(this.none, make("span", "", `There are no ${this.nouns} to draw`));
    none.hidden = this.control.least > 0;
    this.failure = make("p", "alert alert-error", "The image did not load. ", { role: "alert" });
    const again = make("button", "btn btn-sm", "Load it again", { type: "button" });
    again.addEventListener("click", () => this.showImage());
    this.failure.append(again);
    this.failure.hidden = true;
    const bar = make("div", "shape-bar");
    bar.append(this.chips.element, this.tools.element);
    this.append(this.failure, this.stage.frame, bar, this.list.element, none);
    this.append(make("p", "shape-hint", this.hint), make("p", "shape-hint shape-keys", `Keys: ${this.keyHint}`));
  }

  protected update(): void {
    this.shapes = this.value ?? [];
    this.isNone = this.value?.length === 0;
    this.history = new History(this.shapes);
    this.selected = undefined;
    this.stopDrawing();
    // The image's view changes a few times on its way in: what stands around it is shown once, after it.
    this.isEntering = true;
    this.showImage();
    this.isEntering = false;
    this.show();
  }

  private showImage(): void {
    const media = this.data[this.control.input] as Media | undefined;
    if (!media || (media.url && media.url === this.shownUrl && this.failure.hidden)) return;
    this.shownUrl = media.url;
    if (!media.url) return this.loaded(false);
    this.failure.hidden = true;
    delete this.dataset["image"];
    const { width, height } = media;
    this.stage.show(media.url, width && height ? { width, height } : undefined);
  }

  // -- StageEvents; pointers belong to the subclass

  loaded(isGood: boolean): void {
    this.failure.hidden = isGood;
    this.dataset["image"] = isGood ? "ready" : "broken";
  }

  viewChanged(): void {
    if (this.tools && !this.isEntering) this.show();
  }

  abstract press(at: Point, reach: number): boolean;
  abstract drag(at: Point): void;
  abstract drop(isKept: boolean): void;
  abstract tap(at: Point, reach: number): void;
  abstract hover(at: Point, reach: number): string;
  abstract override keys(event: KeyboardEvent): boolean;

  // -- what the annotator does

  /** Adds a shape with the current label and selects it. */
  protected add(made: Omit<S, "label">): void {
    if (this.shapes.length >= this.control.most) {
      this.stopDrawing();
      this.say(`There are ${this.control.most} ${this.nouns} already, no more are wanted.`);
      this.show();
      return;
    }
    this.stopDrawing();
    this.selected = this.shapes.length;
    this.commit([...this.shapes, { ...made, label: this.label } as unknown as S], `${this.nameOf(this.shapes.length)} drawn, ${this.label}`);
  }

  protected start(): void {
    if (this.isReadonly) return;
    this.stopDrawing();
    const { x, y, width, height } = this.stage.view.bounds;
    this.begin({ x: this.round(x + width / 2), y: this.round(y + height / 2) });
    this.stage.svg.focus({ preventScroll: true });
    this.show();
  }

  protected select(index: number | undefined): void {
    this.stopDrawing();
    this.selected = index;
    const shape = index === undefined ? undefined : this.shapes[index];
    if (shape && index !== undefined) {
      this.label = shape.label;
      if (this.stage.view.reveal(boundsOf(this.corners(shape)))) this.stage.refresh();
      this.say(`${this.nameOf(index)}, ${shape.label}, ${this.place(shape)}, selected.`);
    }
    this.show();
  }

  protected pickLabel(label: string): void {
    this.label = label;
    if (this.selected !== undefined) this.relabel(this.selected, label);
    else this.say(`The next ${this.noun} is ${label}.`);
    this.show();
  }

  private relabel(index: number, label: string): void {
    if (this.shapes[index]?.label === label || this.isReadonly) return;
    this.label = label;
    const changed = this.shapes.map((one, place) => (place === index ? { ...one, label } : one));
    this.commit(changed, `${this.nameOf(index)} is ${label} now`);
  }

  protected erase(index: number, isInList = false): void {
    const title = this.nameOf(index);
    this.selected = undefined;
    this.corner = undefined;
    this.commit(
      this.shapes.filter((_, place) => place !== index),
      `${title} deleted`,
    );
    if (isInList && !this.list.focusRow(Math.min(index, this.shapes.length - 1))) this.stage.svg.focus();
  }

  /** Changes the selected shape. */
  protected reshape(how: (shape: S) => S, kind: string): void {
    const index = this.selected;
    if (index === undefined || this.isReadonly) return;
    const changed = this.shapes.map((one, place) => (place === index ? how(one) : one));
    const shape = changed[index];
    if (shape) this.commit(changed, `${this.nameOf(index)}: ${this.place(shape)}`, kind);
  }

  protected commit(shapes: readonly S[], said: string, kind = ""): void {
    this.history.add(shapes, kind);
    this.shapes = shapes;
    this.isNone = false;
    this.tell();
    this.say(`${said}.`);
  }

  private tell(): void {
    this.change(this.shapes.length > 0 || this.isNone ? this.shapes : undefined);
    this.show();
  }

  protected undo(): void {
    if (this.draft.length > 0) {
      this.draft = this.draft.slice(0, -1);
      this.say("Last point taken back.");
      this.show();
    } else this.restore(this.history.undo(), "Step taken back.");
  }

  protected redo(): void {
    this.restore(this.history.redo(), "Step done again.");
  }

  private restore(shapes: readonly S[] | undefined, said: string): void {
    if (!shapes || this.isReadonly) return;
    this.shapes = shapes;
    this.isNone = false;
    this.corner = undefined;
    if (this.selected !== undefined && this.selected >= shapes.length) this.selected = undefined;
    this.tell();
    this.say(said);
  }

  protected stopDrawing(): void {
    this.draft = [];
    this.cursor = undefined;
    this.corner = undefined;
  }

  // -- what is shown

  protected get size(): Size {
    return this.stage.view.image;
  }

  protected get grid(): number {
    return this.stage.scale > 4 ? 0.1 : 1;
  }

  /** A coordinate as exact as a hand can be at this zoom. */
  protected round(value: number): number {
    return this.grid === 1 ? Math.round(value) : Math.round(value * 10) / 10;
  }

  /** A point within the image. */
  protected held(at: Point): Point {
    return { x: clamp(this.round(at.x), 0, this.size.width), y: clamp(this.round(at.y), 0, this.size.height) };
  }

  /** "Box 3" */
  protected nameOf(index: number): string {
    return `${this.noun.charAt(0).toUpperCase()}${this.noun.slice(1)} ${index + 1}`;
  }

  protected show(): void {
    this.drawShapes();
    const isEditable = !this.isReadonly;
    const chosen = this.selected === undefined ? undefined : this.shapes[this.selected];
    this.tools.enable(`New ${this.noun}`, isEditable);
    this.tools.enable("Undo a step", isEditable && (this.history.canUndo || this.draft.length > 0));
    this.tools.enable("Redo a step", isEditable && this.history.canRedo);
    this.chips.show(chosen?.label ?? this.label, isEditable);
    this.list.show(
      this.shapes.map((shape, index) => ({ title: this.nameOf(index), label: shape.label, place: this.place(shape) })),
      this.selected,
      isEditable,
    );
    this.none.checked = this.isNone;
    this.none.disabled = !isEditable || this.shapes.length > 0;
    const count = this.shapes.length;
    this.stage.svg.setAttribute("aria-label", `Image, ${count} ${count === 1 ? this.noun : this.nouns} drawn`);
  }

  protected drawShapes(): void {
    if (this.shapes.length === 0 && this.draft.length === 0 && !this.cursor) {
      this.stage.layer.replaceChildren();
      return;
    }
    const { scale, reach } = this.stage;
    const marks = this.shapes.map((shape, index) =>
      shapeMark({
        path: this.path(shape),
        colour: this.colour(shape.label),
        text: shape.label,
        bounds: boundsOf(this.corners(shape)),
        isSelected: index === this.selected,
        scale,
      }),
    );
    const chosen = this.selected === undefined || this.isReadonly ? undefined : this.shapes[this.selected];
    const handles = chosen
      ? this.corners(chosen).map((at, index) => handleMark(at, { index, isActive: index === this.corner, reach, scale }))
      : [];
    if (this.draft.length > 0 || this.cursor) {
      const path = this.draftPath();
      marks.push(shapeMark({ path, colour: this.colour(this.label), text: "", isSelected: true, scale }));
      const points = this.cursor ? [...this.draft, this.cursor] : this.draft;
      handles.push(...points.map((at, index) => handleMark(at, { index, isActive: at === this.cursor, reach, scale })));
    }
    this.stage.layer.replaceChildren(...marks, ...handles);
  }

  private colour(label: string): string {
    return colourOf(this.control.classes.findIndex((one) => one.name === label));
  }
}
