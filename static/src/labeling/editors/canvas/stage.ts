/**
 * The image and what is drawn on it, as one SVG: its `viewBox` is the visible part of the image, so that shapes cannot
 * drift from what they are on. Turns pointers into presses, drags and taps in pixels of the image; zooms and pans itself.
 */
import { make } from "../editor";
import { distance, View, type Point, type Size } from "./geometry";

const SVG = "http://www.w3.org/2000/svg";
const DRAG_FROM_PX = { mouse: 4, touch: 10 };
const WHEEL_STEP = 0.0022;
const KEY_ZOOM = 1.4;

export interface StageEvents {
  /** A pointer went down; whether a drag from here belongs to the editor (otherwise it moves the view). */
  press(at: Point, reach: number): boolean;
  /** The pointer moves while down, from where it went down. */
  drag(at: Point): void;
  /** The drag is over; `isKept` is false when it was interrupted. */
  drop(isKept: boolean): void;
  /** Pressed and released in one place. */
  tap(at: Point, reach: number): void;
  /** The mouse moves with no button down; the cursor to show. */
  hover(at: Point, reach: number): string;
  /** The visible part, or its size on the screen, has changed. */
  viewChanged(): void;
  /** The image is there, or cannot be. */
  loaded(isGood: boolean): void;
}

/** A new SVG element with attributes. */
export function draw(tag: string, attributes: Readonly<Record<string, string | number>> = {}): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

export class Stage {
  readonly frame = make("div", "shape-frame");
  readonly svg = draw("svg", { tabindex: 0, role: "application", "data-first": "" }) as SVGSVGElement;
  /** Where the editor draws. */
  readonly layer = draw("g", { "aria-hidden": "true" });
  view = new View({ width: 4, height: 3 });
  isSpaceDown = false;

  private readonly picture = draw("image", { x: 0, y: 0, preserveAspectRatio: "none", "aria-hidden": "true" });
  private readonly pointers = new Map<number, Point>();
  private pressed: { at: Point; screen: Point; isEditors: boolean; isDrag: boolean } | undefined;
  private isPinch = false;
  private url = "";
  /** Kept from the last layout: to ask the element would make the browser lay the page out for every task. */
  private width = 0;
  private isTouch = matchMedia("(pointer: coarse)").matches;

  constructor(private readonly events: StageEvents) {
    this.svg.append(this.picture, this.layer);
    this.frame.append(this.svg);
    this.svg.addEventListener("pointerdown", (event) => this.onDown(event));
    this.svg.addEventListener("pointermove", (event) => this.onMove(event));
    this.svg.addEventListener("pointerup", (event) => this.onUp(event, true));
    this.svg.addEventListener("pointercancel", (event) => this.onUp(event, false));
    this.svg.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.svg.addEventListener("contextmenu", (event) => {
      if (this.isTouch) event.preventDefault(); // a long press is a slow tap
    });
    new ResizeObserver(() => {
      this.width = this.svg.clientWidth;
      this.events.viewChanged();
    }).observe(this.svg);
  }

  /** Shows an image, whole. Without a known size its own counts. */
  show(url: string, size: Size | undefined): void {
    if (size) this.fit(size);
    this.view.zoomTo(1);
    this.refresh();
    if (url === this.url) return;
    this.url = url;
    this.picture.removeAttribute("href");
    const loader = new Image();
    const loaded = (): void => {
      loader.onload = null;
      if (this.url !== url) return;
      if (!size) this.fit({ width: loader.naturalWidth || 1, height: loader.naturalHeight || 1 });
      this.picture.setAttribute("href", url);
      this.refresh();
      this.events.loaded(true);
    };
    loader.onload = loaded;
    loader.onerror = () => {
      if (this.url !== url) return;
      this.url = "";
      this.events.loaded(false);
    };
    loader.src = url;
    // A picture that was fetched ahead is here already: it is shown in the same frame.
    if (loader.complete && loader.naturalWidth > 0) loaded();
  }

  /** Pixels of the screen for one of the image. */
  get scale(): number {
    return (this.width || this.svg.clientWidth || 1) / this.view.bounds.width;
  }

  /** How far from something, in pixels of the image, still means it: half of a target's size. */
  get reach(): number {
    return (this.isTouch ? 22 : 14) / this.scale;
  }

  zoomBy(factor: number, share?: Point): void {
    if (this.view.zoomTo(this.view.zoom * factor, share)) this.refresh();
  }

  zoomIn(): void {
    this.zoomBy(KEY_ZOOM);
  }

  zoomOut(): void {
    this.zoomBy(1 / KEY_ZOOM);
  }

  zoomWhole(): void {
    if (this.view.zoomTo(1)) this.refresh();
  }

  pan(dx: number, dy: number): void {
    this.view.pan(dx, dy);
    this.refresh();
  }

  refresh(): void {
    const { x, y, width, height } = this.view.bounds;
    this.svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
    this.events.viewChanged();
  }

  private fit(size: Size): void {
    this.view = new View(size);
    this.picture.setAttribute("width", String(size.width));
    this.picture.setAttribute("height", String(size.height));
    this.frame.style.aspectRatio = `${size.width} / ${size.height}`;
    this.frame.style.setProperty("--ratio", String(size.width / size.height));
  }

  private share(screen: Point): Point {
    const box = this.svg.getBoundingClientRect();
    return { x: (screen.x - box.left) / box.width, y: (screen.y - box.top) / box.height };
  }

  private at(screen: Point): Point {
    return this.view.at(this.share(screen));
  }

  private onDown(event: PointerEvent): void {
    const isMiddle = event.button === 1;
    if (event.button !== 0 && !isMiddle) return;
    this.setTouch(event.pointerType !== "mouse");
    this.svg.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size > 1) {
      this.endPress(false);
      this.isPinch = true;
      return;
    }
    const screen = { x: event.clientX, y: event.clientY };
    const at = this.at(screen);
    const isEditors = !isMiddle && !this.isSpaceDown && this.events.press(at, this.reach);
    this.pressed = { at, screen, isEditors, isDrag: isMiddle || this.isSpaceDown };
  }

  private setTouch(isTouch: boolean): void {
    if (isTouch === this.isTouch) return;
    this.isTouch = isTouch;
    this.events.viewChanged(); // handles have another size
  }

  private onMove(event: PointerEvent): void {
    const screen = { x: event.clientX, y: event.clientY };
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") this.svg.style.cursor = this.events.hover(this.at(screen), this.reach);
      return;
    }
    if (this.isPinch) this.pinch(event.pointerId, before, screen);
    this.pointers.set(event.pointerId, screen);
    const press = this.pressed;
    if (!press) return;
    const slack = this.isTouch ? DRAG_FROM_PX.touch : DRAG_FROM_PX.mouse;
    if (!press.isDrag && distance(press.screen, screen) < slack) return;
    press.isDrag = true;
    if (press.isEditors) this.events.drag(this.at(screen));
    else this.pan((before.x - screen.x) / this.scale, (before.y - screen.y) / this.scale);
  }

  /** Two fingers: what is between them stays there, and their distance is the zoom. */
  private pinch(id: number, before: Point, now: Point): void {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const middle = this.share({ x: (before.x + other.x) / 2, y: (before.y + other.y) / 2 });
    const spread = distance(now, other) / Math.max(1, distance(before, other));
    // Zoom first: the whole image has no room to be moved in.
    this.view.zoomTo(this.view.zoom * spread, middle);
    this.view.pan((before.x - now.x) / 2 / this.scale, (before.y - now.y) / 2 / this.scale);
    this.refresh();
  }

  private onUp(event: PointerEvent, isKept: boolean): void {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.isPinch) {
      this.isPinch = this.pointers.size > 0;
      return;
    }
    this.endPress(isKept);
  }

  private endPress(isKept: boolean): void {
    const press = this.pressed;
    this.pressed = undefined;
    if (!press) return;
    if (press.isDrag && press.isEditors) this.events.drop(isKept);
    else if (!press.isDrag && isKept) this.events.tap(press.at, this.reach);
  }

  private onWheel(event: WheelEvent): void {
    if (!event.ctrlKey) return; // without it the wheel scrolls the page
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY * WHEEL_STEP), this.share({ x: event.clientX, y: event.clientY }));
  }
}
