/** Points and the part of an image that is on the screen; no DOM. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A shape of an answer; each type adds where it is. */
export interface Shape {
  readonly label: string;
}

/** An upright rectangle. */
export interface Bounds extends Point, Size {}

const CLOSEST_PX = 24;
const MOST_ZOOM = 16;

export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), Math.max(least, most));
}

export function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

/** The smallest rectangle around points. */
export function boundsOf(points: readonly Point[]): Bounds {
  const across = points.map((point) => point.x);
  const down = points.map((point) => point.y);
  const x = Math.min(...across);
  const y = Math.min(...down);
  return { x, y, width: Math.max(...across) - x, height: Math.max(...down) - y };
}

/** How far a point is from the line between two others. */
export function distanceToLine(point: Point, from: Point, to: Point): number {
  const length = (to.x - from.x) ** 2 + (to.y - from.y) ** 2;
  const along = length === 0 ? 0 : ((point.x - from.x) * (to.x - from.x) + (point.y - from.y) * (to.y - from.y)) / length;
  const share = clamp(along, 0, 1);
  return distance(point, { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) });
}

/** Whether a point lies inside an outline. */
export function isInside(point: Point, outline: readonly Point[]): boolean {
  let inside = false;
  outline.forEach((to, index) => {
    const from = outline.at(index - 1) ?? to;
    const crosses = from.y > point.y !== to.y > point.y;
    if (crosses && point.x < ((to.x - from.x) * (point.y - from.y)) / (to.y - from.y) + from.x) inside = !inside;
  });
  return inside;
}

/** The visible part of an image: all of it at zoom 1, never beyond its edges. */
export class View {
  zoom = 1;
  private left = 0;
  private top = 0;

  constructor(readonly image: Size) {}

  get bounds(): Bounds {
    return { x: this.left, y: this.top, width: this.image.width / this.zoom, height: this.image.height / this.zoom };
  }

  /** Where a place in the frame (0 to 1 from its top left) lies in the image. */
  at(share: Point): Point {
    const { x, y, width, height } = this.bounds;
    return { x: x + share.x * width, y: y + share.y * height };
  }

  /** Changes the zoom; what lies at `share` of the frame stays there. Whether anything changed. */
  zoomTo(zoom: number, share: Point = { x: 0.5, y: 0.5 }): boolean {
    const most = Math.max(MOST_ZOOM, Math.max(this.image.width, this.image.height) / CLOSEST_PX);
    const next = clamp(zoom, 1, most);
    if (next === this.zoom) return false;
    const kept = this.at(share);
    this.zoom = next;
    this.left = kept.x - (share.x * this.image.width) / next;
    this.top = kept.y - (share.y * this.image.height) / next;
    this.hold();
    return true;
  }

  /** Moves the visible part by pixels of the image. */
  pan(dx: number, dy: number): void {
    this.left += dx;
    this.top += dy;
    this.hold();
  }

  /** Moves the visible part so far that a rectangle is in it. Whether it had to. */
  reveal(what: Bounds): boolean {
    const { x, y, width, height } = this.bounds;
    const dx = Math.min(0, what.x - x) || Math.max(0, what.x + Math.min(what.width, width) - (x + width));
    const dy = Math.min(0, what.y - y) || Math.max(0, what.y + Math.min(what.height, height) - (y + height));
    if (dx === 0 && dy === 0) return false;
    this.pan(dx, dy);
    return true;
  }

  private hold(): void {
    this.left = clamp(this.left, 0, this.image.width - this.image.width / this.zoom);
    this.top = clamp(this.top, 0, this.image.height - this.image.height / this.zoom);
  }
}
