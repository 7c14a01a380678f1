/**
 * `<answer-boxes>`: boxes around objects. Two clicks or taps on opposite corners, or a drag; by keys N, then arrows (Shift
 * for larger steps) and Alt with arrows for the size. A label's key names the box that was drawn last or is selected.
 */
import { clamp, type Point, type Shape } from "./canvas/geometry";
import { ShapeEditor } from "./canvas/shape-editor";

interface Box extends Shape {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const LEAST_PX = 1;
/** A new box by keyboard takes this share of what is visible. */
const FRESH = 0.2;

class BoxEditor extends ShapeEditor<Box> {
  protected readonly noun = "box";
  protected readonly nouns = "boxes";
  protected readonly hint =
    "Click or tap two opposite corners, or drag. Click a box to select it; drag it or its corners, or click a corner and then its new place.";
  protected readonly keyHint =
    "N new box, arrows move it, Alt+arrows change its size, Shift for larger steps, . and , go from box to box, Delete removes, + − 0 zoom.";
  protected readonly drawsByDrag = true;

  protected corners({ x, y, width, height }: Box): readonly Point[] {
    return [
      { x, y },
      { x: x + width, y },
      { x: x + width, y: y + height },
      { x, y: y + height },
    ];
  }

  protected withCorner(box: Box, index: number, to: Point): Box {
    const opposite = this.corners(box)[(index + 2) % 4] ?? to;
    return { ...box, ...this.between(opposite, to) };
  }

  protected moved(box: Box, dx: number, dy: number): Box {
    const x = this.round(clamp(box.x + dx, 0, this.size.width - box.width));
    const y = this.round(clamp(box.y + dy, 0, this.size.height - box.height));
    return { ...box, x, y };
  }

  protected override resized(box: Box, dx: number, dy: number): Box {
    const width = this.round(clamp(box.width + dx, LEAST_PX, this.size.width - box.x));
    const height = this.round(clamp(box.height + dy, LEAST_PX, this.size.height - box.y));
    return { ...box, width, height };
  }

  protected path({ x, y, width, height }: Box): string {
    return `M${x} ${y}h${width}v${height}h${-width}Z`;
  }

  protected holds({ x, y, width, height }: Box, at: Point): boolean {
    return at.x >= x && at.x <= x + width && at.y >= y && at.y <= y + height;
  }

  protected place({ x, y, width, height }: Box): string {
    return `${width} × ${height} at ${x}, ${y}`;
  }

  protected put(at: Point): void {
    const from = this.draft[0];
    if (!from) {
      this.select(undefined);
      this.draft = [at];
      this.say("First corner set. The next one is opposite of it.");
      this.show();
      return;
    }
    const made = this.between(from, at);
    if (made.width >= LEAST_PX && made.height >= LEAST_PX) this.add(made);
  }

  protected begin(centre: Point): void {
    const { width, height } = this.stage.view.bounds;
    const [across, down] = [Math.max(LEAST_PX, this.round(width * FRESH)), Math.max(LEAST_PX, this.round(height * FRESH))];
    const [x, y] = [Math.max(0, this.round(centre.x - across / 2)), Math.max(0, this.round(centre.y - down / 2))];
    this.add({ x, y, width: across, height: down });
  }

  protected override dragged(from: Point, to: Point): Omit<Box, "label"> | undefined {
    const made = this.between(from, to);
    return made.width >= LEAST_PX && made.height >= LEAST_PX ? made : undefined;
  }

  protected override draftPath(): string {
    const from = this.draft[0];
    if (!from) return "";
    const to = this.cursor ?? from;
    return `M${from.x} ${from.y}H${to.x}V${to.y}H${from.x}Z`;
  }

  /** The box between two opposite corners. */
  private between(one: Point, other: Point): Omit<Box, "label"> {
    const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
    return { x, y, width: this.round(Math.abs(one.x - other.x)), height: this.round(Math.abs(one.y - other.y)) };
  }
}

customElements.define("answer-boxes", BoxEditor);
