/** Colours that tell labels apart; never the only sign, each mark has its label beside it. */

/** The colour of the label at this place: neighbours lie far apart on the wheel. */
export function toneOf(index: number): string {
  return `oklch(0.64 0.15 ${(index * 137.5 + 55) % 360})`;
}

/** Give an element its label's colour as `--tone`. */
export function tint(element: HTMLElement | SVGElement, index: number): void {
  element.style.setProperty("--tone", toneOf(Math.max(0, index)));
}
