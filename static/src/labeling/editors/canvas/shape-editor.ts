/**
 * Pointers and keys of the image editors. A shape can be drawn and changed by dragging, by tapping alone (a corner is
 * picked up by a tap and put down by the next) and by keys alone.
 */
import { choiceByKey } from "../editor";
import { arrowOf, isForButton, STEP_FAST } from "./canvas-keys";
import { boundsOf, distance, type Point, type Shape } from "./geometry";
import { ShapeBoard } from "./shape-board";

/** What a press landed on. */
type Target = { kind: "handle"; index: number } | { kind: "shape"; index: number } | { kind: "empty" };

export abstract class ShapeEditor<S extends Shape> extends ShapeBoard<S> {
  private pressing: { target: Target; from: Point; before: readonly S[] } | undefined;

  private readonly keyUp = (event: KeyboardEvent): void => {
    if (event.key === " ") this.stage.isSpaceDown = false;
  };

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keyup", this.keyUp);
  }

  disconnectedCallback(): void {
    document.removeEventListener("keyup", this.keyUp);
  }

  protected override build(): void {
    super.build();
    this.addEventListener("keydown", (event) => this.onKey(event));
  }

  protected override stopDrawing(): void {
    super.stopDrawing();
    this.pressing = undefined;
  }

  // -- pointers

  hover(at: Point, reach: number): string {
    if (this.draft.length > 0) {
      this.cursor = this.held(at);
      this.drawShapes();
      return "crosshair";
    }
    const target = this.targetAt(at, reach);
    if (target.kind === "handle") return "grab";
    if (target.kind === "shape") return target.index === this.selected ? "move" : "pointer";
    return this.stage.isSpaceDown ? "grab" : "crosshair";
  }

  press(at: Point, reach: number): boolean {
    if (this.isReadonly) return false;
    const target: Target = this.draft.length > 0 ? { kind: "empty" } : this.targetAt(at, reach);
    const isMove = target.kind === "handle" || (target.kind === "shape" && (target.index === this.selected || !this.drawsByDrag));
    if (!isMove && !this.drawsByDrag) return false;
    this.pressing = { target: isMove ? target : { kind: "empty" }, from: this.held(at), before: this.shapes };
    return true;
  }

  drag(at: Point): void {
    if (!this.pressing) return;
    const { target, from, before } = this.pressing;
    const to = this.held(at);
    if (target.kind === "empty") {
      const made = this.dragged(this.draft[0] ?? from, to);
      this.selected = before.length;
      this.shapes = made && before.length < this.control.most ? [...before, { ...made, label: this.label } as unknown as S] : before;
    } else {
      const index = target.kind === "shape" ? target.index : (this.selected ?? 0);
      const shape = before[index];
      if (!shape) return;
      this.selected = index;
      const changed =
        target.kind === "handle"
          ? this.withCorner(shape, target.index, to)
          : this.moved(shape, this.round(at.x - from.x), this.round(at.y - from.y));
      this.shapes = before.map((one, place) => (place === index ? changed : one));
    }
    this.drawShapes();
  }

  drop(isKept: boolean): void {
    const press = this.pressing;
    this.pressing = undefined;
    if (!press) return;
    const now = this.shapes;
    this.shapes = press.before;
    if (!isKept || now === press.before) {
      this.selected = undefined;
      this.show();
      return;
    }
    const shape = now[this.selected ?? 0];
    if (press.target.kind === "empty") this.draft = [];
    this.commit(now, press.target.kind === "empty" ? `${this.nameOf(now.length - 1)} drawn, ${shape?.label}` : "Moved");
  }

  tap(at: Point, reach: number): void {
    this.pressing = undefined;
    this.stage.svg.focus({ preventScroll: true });
    if (this.isReadonly) return this.selectAt(at, reach);
    if (this.draft.length > 0) return this.put(this.held(at), reach);
    if (this.corner !== undefined && this.selected !== undefined) return this.dropCorner(this.held(at));
    const target = this.targetAt(at, reach);
    if (target.kind === "handle") {
      this.corner = target.index;
      this.show();
      this.say("Corner picked up. Tap where it should go.");
    } else if (target.kind === "shape" && target.index !== this.selected) {
      this.select(target.index);
    } else {
      this.put(this.held(at), reach);
    }
  }

  private dropCorner(to: Point): void {
    const index = this.corner ?? 0;
    this.corner = undefined;
    this.reshape((shape) => this.withCorner(shape, index, to), "");
  }

  private selectAt(at: Point, reach: number): void {
    const target = this.targetAt(at, reach);
    this.select(target.kind === "shape" ? target.index : this.selected);
  }

  private targetAt(at: Point, reach: number): Target {
    const chosen = this.selected === undefined ? undefined : this.shapes[this.selected];
    if (chosen && !this.isReadonly) {
      const near = this.corners(chosen).map((corner, index) => ({ index, far: distance(corner, at) }));
      const best = near.sort((one, other) => one.far - other.far)[0];
      if (best && best.far <= reach) return { kind: "handle", index: best.index };
      if (this.holds(chosen, at, reach)) return { kind: "shape", index: this.selected ?? 0 };
    }
    const found = this.shapes
      .map((shape, index) => ({ index, shape }))
      .filter(({ shape }) => this.holds(shape, at, reach))
      .map(({ index, shape }) => ({ index, size: boundsOf(this.corners(shape)) }))
      .sort((one, other) => one.size.width * one.size.height - other.size.width * other.size.height)[0];
    return found ? { kind: "shape", index: found.index } : { kind: "empty" };
  }

  // -- keys

  private onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || target.closest("select, input")) return;
    // With the focus in here the keys work even where the page's own keys are switched off (WCAG 2.1.4).
    if (!this.keys(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  override keys(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey) return this.undoKeys(event);
    if (isForButton(event)) return false;
    if (this.viewKeys(event)) return true;
    if (event.key === "Escape") return this.leave();
    if (event.key === "." || event.key === ",") return this.step(event.key === "." ? 1 : -1);
    if (this.isReadonly) return false;
    if (this.ownKeys(event)) return true;
    const arrow = arrowOf(event);
    if (arrow) return this.arrow(event, arrow);
    return this.editKeys(event);
  }

  private undoKeys(event: KeyboardEvent): boolean {
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) this.undo();
    else if (key === "y" || key === "z") this.redo();
    else return false;
    return true;
  }

  private viewKeys(event: KeyboardEvent): boolean {
    if (event.key === "+" || event.key === "=") this.stage.zoomIn();
    else if (event.key === "-") this.stage.zoomOut();
    else if (event.key === "0") this.stage.zoomWhole();
    else if (event.key === " " && !this.cursor) this.stage.isSpaceDown = true;
    else return false;
    return true;
  }

  private editKeys(event: KeyboardEvent): boolean {
    if (event.altKey) return false;
    const isWriting = this.draft.length > 0 || this.cursor !== undefined;
    if (event.key === "Enter" && isWriting) this.complete();
    else if (event.key === "Backspace" && this.draft.length > 0) this.undo();
    else if ((event.key === "Delete" || event.key === "Backspace") && this.selected !== undefined) this.erase(this.selected);
    else if (event.key.toLowerCase() === "n" || event.key === "Insert") this.start();
    else {
      const choice = choiceByKey(this.control.classes, event);
      if (!choice) return false;
      this.pickLabel(choice.name);
    }
    return true;
  }

  private arrow(event: KeyboardEvent, way: Point): boolean {
    const step = Math.max(this.grid, this.round((event.shiftKey ? STEP_FAST : 2) / this.stage.scale));
    const [dx, dy] = [way.x * step, way.y * step];
    if (this.cursor) {
      this.cursor = this.held({ x: this.cursor.x + dx, y: this.cursor.y + dy });
      this.say(`${this.cursor.x}, ${this.cursor.y}`);
      this.show();
    } else if (this.selected === undefined) {
      if (this.stage.view.zoom === 1) return false;
      this.stage.pan(way.x * this.stage.view.bounds.width * 0.1, way.y * this.stage.view.bounds.height * 0.1);
    } else if (this.corner !== undefined) {
      const index = this.corner;
      this.reshape((shape) => {
        const from = this.corners(shape)[index] ?? { x: 0, y: 0 };
        return this.withCorner(shape, index, this.held({ x: from.x + dx, y: from.y + dy }));
      }, `corner ${index}`);
    } else if (event.altKey) this.reshape((shape) => this.resized(shape, dx, dy), "resize");
    else this.reshape((shape) => this.moved(shape, dx, dy), "move");
    return true;
  }

  private step(by: number): boolean {
    if (this.shapes.length === 0) return false;
    const from = this.selected ?? (by > 0 ? -1 : 0);
    this.select((from + by + this.shapes.length) % this.shapes.length);
    return true;
  }

  private leave(): boolean {
    if (this.draft.length === 0 && !this.cursor && this.corner === undefined && this.selected === undefined) return false;
    const isDrawing = this.draft.length > 0 || this.cursor !== undefined;
    const hadCorner = this.corner !== undefined;
    this.stopDrawing();
    if (!isDrawing && !hadCorner) this.selected = undefined;
    this.say(isDrawing ? "Drawing given up." : hadCorner ? "Corner let go." : "Nothing selected.");
    this.show();
    return true;
  }
}
