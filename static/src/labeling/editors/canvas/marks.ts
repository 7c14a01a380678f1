/** How shapes and handles look. Lines and letters have the same size on the screen at any zoom. */
import type { Bounds, Point } from "./geometry";
import { draw } from "./stage";

const LETTER_PX = 13;
const HANDLE_PX = 5;
/** A shape less wide than this on the screen shows its label only while selected. */
const NAMED_FROM_PX = 44;

export interface ShapeLook {
  readonly path: string;
  readonly colour: string;
  readonly text: string;
  readonly bounds?: Bounds;
  readonly isSelected: boolean;
  readonly scale: number;
}

export function shapeMark(look: ShapeLook): SVGElement {
  const group = draw("g", { class: look.isSelected ? "shape-mark is-selected" : "shape-mark" });
  group.append(draw("path", { d: look.path, class: "shape-casing" }));
  group.append(draw("path", { d: look.path, class: "shape-line", stroke: look.colour, fill: look.colour }));
  const { bounds, scale } = look;
  if (!bounds || !look.text || !(look.isSelected || bounds.width === 0 || bounds.width * scale >= NAMED_FROM_PX)) {
    return group;
  }
  // Above the shape, or within its top where the image ends there.
  const isInside = bounds.y * scale < LETTER_PX + 6;
  const y = isInside ? bounds.y + (LETTER_PX + 3) / scale : bounds.y - 5 / scale;
  const name = draw("text", { x: bounds.x + 4 / scale, y, class: "shape-name", "font-size": LETTER_PX / scale, "stroke-width": 3.5 / scale });
  name.textContent = look.text;
  group.append(name);
  return group;
}

export interface HandleLook {
  readonly index: number;
  readonly isActive: boolean;
  /** Half of the target's side in pixels of the image. */
  readonly reach: number;
  readonly scale: number;
}

export function handleMark(at: Point, look: HandleLook): SVGElement {
  const { reach, scale } = look;
  const group = draw("g", { class: look.isActive ? "shape-handle is-active" : "shape-handle" });
  group.append(draw("circle", { cx: at.x, cy: at.y, r: (HANDLE_PX + (look.isActive ? 3 : 0)) / scale }));
  // The target is larger than what is seen of it.
  group.append(
    draw("rect", {
      x: at.x - reach,
      y: at.y - reach,
      width: 2 * reach,
      height: 2 * reach,
      fill: "none",
      "data-handle": look.index,
    }),
  );
  return group;
}
