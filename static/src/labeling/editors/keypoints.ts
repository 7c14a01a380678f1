/**
 * `<answer-keypoints>`: one click or tap a point; by keys N, then arrows (Shift for larger steps). A label's key names the
 * point that was set last or is selected.
 */
import { clamp, distance, type Point, type Shape } from "./canvas/geometry";
import { ShapeEditor } from "./canvas/shape-editor";

interface Keypoint extends Shape {
  readonly x: number;
  readonly y: number;
}

const RADIUS_PX = 6;

class KeypointEditor extends ShapeEditor<Keypoint> {
  protected readonly noun = "point";
  protected readonly nouns = "points";
  protected readonly hint =
    "Click or tap where the point is. Drag a point to move it, or click it twice and then its new place. Drag beside the points to move the image.";
  protected readonly keyHint =
    "N new point, arrows move it, Shift for larger steps, . and , go from point to point, Delete removes, + − 0 zoom.";
  protected readonly drawsByDrag = false;

  protected corners({ x, y }: Keypoint): readonly Point[] {
    return [{ x, y }];
  }

  protected withCorner(point: Keypoint, _index: number, to: Point): Keypoint {
    return { ...point, x: to.x, y: to.y };
  }

  protected moved(point: Keypoint, dx: number, dy: number): Keypoint {
    const x = this.round(clamp(point.x + dx, 0, this.size.width));
    const y = this.round(clamp(point.y + dy, 0, this.size.height));
    return { ...point, x, y };
  }

  protected path({ x, y }: Keypoint): string {
    const radius = RADIUS_PX / this.stage.scale;
    return `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;
  }

  protected holds(point: Keypoint, at: Point, reach: number): boolean {
    return distance(point, at) <= reach;
  }

  protected place({ x, y }: Keypoint): string {
    return `at ${x}, ${y}`;
  }

  protected put({ x, y }: Point): void {
    this.add({ x, y });
  }

  protected begin({ x, y }: Point): void {
    this.add({ x, y });
  }
}

customElements.define("answer-keypoints", KeypointEditor);
