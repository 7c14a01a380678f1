/** The time of a recording as a line: loudness where there is sound, the marked stretches, the playhead, a slider. */
import { type Choice, make } from "../editor";
import type { Region } from "../regions";
import { set } from "./buttons";
import type { Media } from "./playback";
import { tint } from "./tones";
import { waveform } from "./waveform";

const SVG = "http://www.w3.org/2000/svg";

export class Timeline {
  readonly element = make("div", "grid gap-1");
  private readonly line = make("div", "marks-line", "", { "aria-hidden": "true" });
  private readonly head = make("div", "marks-head");
  private readonly slider = make("input", "w-full", "", { type: "range", min: "0", step: "10", "aria-label": "Playhead" });
  private readonly path = document.createElementNS(SVG, "path");
  private url = "";
  private loading = new AbortController();
  private duration = 0;

  constructor(private readonly seek: (ms: number) => void) {
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", "0 0 600 100");
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.append(this.path);
    this.line.append(drawing, this.head);
    this.line.addEventListener("click", (event) => {
      const { left, width } = this.line.getBoundingClientRect();
      if (this.duration) this.seek(((event.clientX - left) / width) * this.duration);
    });
    this.slider.addEventListener("input", () => this.seek(this.slider.valueAsNumber));
    this.element.append(this.line, this.slider);
  }

  /** Another task's recording. */
  show(media: Media | undefined): void {
    const url = media?.url ?? "";
    if (url === this.url) return;
    this.stop();
    this.url = url;
    this.loading = new AbortController();
    this.path.removeAttribute("d");
    const isSound = media?.content_type?.startsWith("audio/") ?? true;
    if (!url || !isSound) return;
    void waveform(url, media?.bytes ?? 0, this.loading.signal).then((drawn) => {
      if (drawn && url === this.url) this.path.setAttribute("d", drawn);
    });
  }

  /** No more loading. */
  stop(): void {
    this.loading.abort();
  }

  move(ms: number, duration: number): void {
    this.duration = duration;
    set(this.slider, "max", String(duration));
    this.slider.value = String(Math.round(ms));
    set(this.slider, "aria-valuetext", `${(ms / 1000).toFixed(2)} seconds`);
    this.head.style.insetInlineStart = `${duration ? Math.min(100, (100 * ms) / duration) : 0}%`;
  }

  paint(regions: readonly Region[], duration: number, classes: readonly Choice[], active: Region | undefined): void {
    const bars = [...this.line.querySelectorAll<HTMLElement>(".marks-region")];
    regions.forEach((region, index) => {
      const bar = bars[index] ?? this.line.insertBefore(make("div", "marks-region"), this.head);
      const of = (ms: number): string => `${duration ? Math.min(100, (100 * ms) / duration) : 0}%`;
      bar.style.insetInlineStart = of(region.start_ms);
      bar.style.inlineSize = of(Math.max(0, region.end_ms - region.start_ms));
      set(bar, "data-active", region === active ? "" : undefined);
      this.tintLabel(bar, classes, region.label);
    });
    for (const bar of bars.slice(regions.length)) bar.remove();
  }

  tintLabel(element: HTMLElement, classes: readonly Choice[], label: string): void {
    tint(element, classes.findIndex((one) => one.name === label));
  }
}
