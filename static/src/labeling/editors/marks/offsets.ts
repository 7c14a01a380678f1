/** Words of a text, and its places counted in UTF-16 (as the browser has them) and in code points (as answers have them). */

export interface Token {
  /** UTF-16 places; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly isSpace: boolean;
}

/** The text in pieces: words by the rules of its script, each punctuation mark, white space. */
export function tokens(text: string): Token[] {
  const pieces = new Intl.Segmenter(undefined, { granularity: "word" }).segment(text);
  return Array.from(pieces, ({ segment, index }) => ({
    start: index,
    end: index + segment.length,
    isSpace: segment.trim() === "",
  }));
}

/** Converts places of one text; a place inside a surrogate pair counts as the one before the pair. */
export class Offsets {
  private readonly points: Uint32Array | undefined;
  private readonly units: Uint32Array | undefined;

  constructor(text: string) {
    // Most texts have no character beyond the basic plane: both counts are the same then.
    if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return;
    const units: number[] = [];
    this.points = new Uint32Array(text.length + 1);
    let at = 0;
    for (const character of text) {
      this.points.fill(units.length, at, at + character.length);
      units.push(at);
      at += character.length;
    }
    this.points[at] = units.length;
    units.push(at);
    this.units = Uint32Array.from(units);
  }

  toPoints(unit: number): number {
    return this.points?.[unit] ?? unit;
  }

  toUnits(point: number): number {
    return this.units?.[point] ?? point;
  }
}
