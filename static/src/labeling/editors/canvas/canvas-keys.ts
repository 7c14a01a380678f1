/** What keys mean to every image editor. */
import type { Point } from "./geometry";

/** Pixels of the screen that an arrow key moves by, plainly and with Shift. */
export const STEP = 2;
export const STEP_FAST = 20;

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** The way an arrow key points. */
export function arrowOf(event: KeyboardEvent): Point | undefined {
  return ARROWS[event.key];
}

/** Enter and the space bar press a button that has the focus, and nothing else. */
export function isForButton(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    (event.key === "Enter" || event.key === " ") &&
    target instanceof Element &&
    target.closest("button, summary, label, a") !== null
  );
}
