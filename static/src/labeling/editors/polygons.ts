/**
 * `<answer-polygons>`: a click or tap for each corner; a click on the first or the last corner, a double click or Enter
 * closes. By keys: N puts a cursor on the image, arrows move it, the space bar sets a corner, Enter closes; [ and ] pick a
 * corner of the selected polygon, which arrows then move and Delete removes.
 */
import { boundsOf, clamp, distance, distanceToLine, isInside, type Point, type Shape } from "./canvas/geometry";
import { ShapeEditor } from "./canvas/shape-editor";

interface Polygon extends Shape {
  readonly points: readonly (readonly [number, number])[];
}

const LEAST_POINTS = 3;
const MOST_POINTS = 500;

function outline(points: readonly Point[]): Omit<Polygon, "label"> {
  return { points: points.map(({ x, y }) => [x, y] as const) };
}

class PolygonEditor extends ShapeEditor<Polygon> {
  protected readonly noun = "polygon";
  protected readonly nouns = "polygons";
  protected readonly hint =
    "Click or tap each corner, and the first or the last one again to close. Click a polygon to select it; drag it or its corners. Drag beside the polygons to move the image.";
  protected readonly keyHint =
    "N and arrows move a cursor, the space bar sets a corner, Enter closes, [ and ] pick a corner to move, . and , go from polygon to polygon, Delete removes, + − 0 zoom.";
  protected readonly drawsByDrag = false;

  protected corners(polygon: Polygon): readonly Point[] {
    return polygon.points.map(([x, y]) => ({ x, y }));
  }

  protected withCorner(polygon: Polygon, index: number, to: Point): Polygon {
    return { ...polygon, points: polygon.points.map((point, place) => (place === index ? ([to.x, to.y] as const) : point)) };
  }

  protected moved(polygon: Polygon, dx: number, dy: number): Polygon {
    const { x, y, width, height } = boundsOf(this.corners(polygon));
    const across = clamp(dx, -x, this.size.width - x - width);
    const down = clamp(dy, -y, this.size.height - y - height);
    const points = polygon.points.map(([left, top]) => [this.round(left + across), this.round(top + down)] as const);
    return { ...polygon, points };
  }

  protected path(polygon: Polygon): string {
    return `M${polygon.points.map(([x, y]) => `${x} ${y}`).join("L")}Z`;
  }

  protected holds(polygon: Polygon, at: Point, reach: number): boolean {
    const corners = this.corners(polygon);
    const isNear = corners.some((corner, index) => distanceToLine(at, corners.at(index - 1) ?? corner, corner) < reach / 3);
    return isNear || isInside(at, corners);
  }

  protected place(polygon: Polygon): string {
    const { x, y, width, height } = boundsOf(this.corners(polygon));
    return `${polygon.points.length} corners, ${this.round(width)} × ${this.round(height)} at ${x}, ${y}`;
  }

  protected put(at: Point, reach: number): void {
    const [first, last] = [this.draft[0], this.draft.at(-1)];
    const isOn = (corner: Point | undefined): boolean => corner !== undefined && distance(corner, at) <= reach;
    if (this.draft.length >= LEAST_POINTS && (isOn(first) || isOn(last))) {
      this.complete();
      return;
    }
    // The second click of a double click, and a slip, are no corner.
    if (last && distance(last, at) < reach / 4) return;
    if (!last) this.select(undefined);
    this.set(at);
  }

  protected begin(centre: Point): void {
    this.select(undefined);
    this.cursor = centre;
    this.say("Cursor in the middle. Arrows move it, the space bar sets a corner, Enter closes.");
  }

  protected override ownKeys(event: KeyboardEvent): boolean {
    if (event.key === " " && this.cursor) {
      this.set(this.cursor);
      return true;
    }
    const polygon = this.selected === undefined ? undefined : this.shapes[this.selected];
    if (!polygon) return false;
    const count = polygon.points.length;
    if (event.key === "]") this.pickCorner(((this.corner ?? -1) + 1) % count);
    else if (event.key === "[") this.pickCorner(((this.corner ?? count) - 1 + count) % count);
    else if (event.key === "Delete" && this.corner !== undefined) this.removeCorner(this.corner);
    else return false;
    return true;
  }

  protected override complete(): void {
    if (this.draft.length >= LEAST_POINTS) this.add(outline(this.draft));
    else this.say(`A polygon has at least ${LEAST_POINTS} corners; there are ${this.draft.length}.`);
  }

  private set(at: Point): void {
    const last = this.draft.at(-1);
    if (this.draft.length >= MOST_POINTS || (last && last.x === at.x && last.y === at.y)) return;
    this.draft = [...this.draft, at];
    this.say(`Corner ${this.draft.length} at ${at.x}, ${at.y}.`);
    this.show();
  }

  private pickCorner(index: number): void {
    this.corner = index;
    this.say(`Corner ${index + 1}.`);
    this.show();
  }

  private removeCorner(index: number): void {
    this.reshape((polygon) => {
      if (polygon.points.length <= LEAST_POINTS) return polygon;
      return { ...polygon, points: polygon.points.filter((_, place) => place !== index) };
    }, "");
    this.corner = undefined;
    this.show();
  }
}

customElements.define("answer-polygons", PolygonEditor);
