/**
 * One colour a label, in the order of the classes. Each has a contrast of at least 3:1 with the pages' light and dark
 * backgrounds; on the image it lies on a dark casing. The label's name always stands beside it.
 */
const COLOURS = [
  "#d9480f",
  "#1c7ed6",
  "#2b8a3e",
  "#ae3ec9",
  "#a36a00",
  "#0b8293",
  "#e03e68",
  "#6b6fe0",
  "#5f7a12",
  "#96614a",
] as const;

export function colourOf(index: number): string {
  return COLOURS[Math.max(0, index) % COLOURS.length] ?? COLOURS[0];
}
