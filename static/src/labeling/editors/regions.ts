/**
 * `<answer-regions>`: mark stretches of time in sound or video.
 *
 * `[` sets the start at the playhead, `]` the end (`i` and `o` do too, where no label has them), then the label's key. With
 * a region chosen they move its bounds and its label. The timeline seeks by tap and by arrow keys; every time can be
 * typed. 0 says that there is nothing to mark.
 */
import { type Choice, choiceByKey, type Control, Editor, make } from "./editor";
import { keyed, set } from "./marks/buttons";
import "./marks/marks.css";
import { Nothing } from "./marks/nothing";
import { type Media, Playback } from "./marks/playback";
import { RegionRow } from "./marks/region-row";
import { Timeline } from "./marks/timeline";

interface RegionsControl extends Control {
  readonly classes: readonly Choice[];
  readonly text: boolean;
  readonly overlap: boolean;
}

export interface Region {
  start_ms: number;
  end_ms: number;
  label: string;
  text?: string;
}

type Value = readonly Readonly<Region>[];

/** A stretch shorter than this is a slip of the finger. */
const LEAST_MS = 10;

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

class AnswerRegions extends Editor<RegionsControl, Value> {
  private regions: Region[] = [];
  private rows = new Map<Region, RegionRow>();
  private active: Region | undefined;
  /** Bounds that were set and have no label yet. */
  private start: number | undefined;
  private end: number | undefined;

  private readonly timeline = new Timeline((at) => this.playback.seek(at / 1000));
  private readonly playback = new Playback(() => this.follow());
  private readonly labels = make("div", "flex flex-wrap gap-2", "", { role: "group", "aria-label": "Labels" });
  private readonly pending = make("p", "min-h-6 text-sm");
  private readonly nothing = new Nothing((isNothing) => this.change(isNothing ? [] : undefined));
  private readonly list = make("ol", "grid gap-2", "", { "aria-label": "Marked stretches" });
  private readonly onKey = (event: KeyboardEvent): void => {
    // A key board may need AltGr for a bracket, and the player passes on no key with a modifier.
    const isBracket = event.getModifierState("AltGraph") && !isTyping(event) && this.bracket(event.key);
    if (!event.defaultPrevented && (this.playback.keys(event) || isBracket)) event.preventDefault();
  };

  override get showsInput(): boolean {
    return true;
  }

  override problem(): string {
    return super.problem() && "Mark the stretches, or say that there is nothing to mark.";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keydown", this.onKey);
  }

  disconnectedCallback(): void {
    document.removeEventListener("keydown", this.onKey);
    this.playback.media.pause();
    this.timeline.stop();
  }

  override keys(event: KeyboardEvent): boolean {
    if (this.isReadonly) return false;
    if (event.key === "Escape") return this.letGo();
    if ((event.key === "Delete" || event.key === "Backspace") && this.active) return this.drop(this.active);
    const choice = choiceByKey(this.control.classes, event);
    if (choice) return this.label(choice.name);
    if (this.nothing.keys(event)) return true;
    return this.bracket({ i: "[", o: "]" }[event.key.toLowerCase()] ?? event.key);
  }

  protected build(): void {
    this.classList.add("grid", "gap-3");
    const bounds = make("div", "flex flex-wrap gap-2", "", { role: "group", "aria-label": "Bounds" });
    bounds.append(
      keyed("btn btn-sm", "Start here", "[", () => this.bracket("[")),
      keyed("btn btn-sm", "End here", "]", () => this.bracket("]")),
    );
    this.control.classes.forEach((choice) => {
      const chip = keyed("btn btn-sm marks-chip", choice.name, choice.key, () => this.label(choice.name));
      chip.dataset["label"] = choice.name;
      this.timeline.tintLabel(chip, this.control.classes, choice.name);
      this.labels.append(chip);
    });
    // The slider is an input, where the player takes no keys; it needs the arrows alone.
    this.timeline.element.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && this.keys(event)) event.preventDefault();
    });
    const { element: player } = this.playback;
    this.append(player, this.timeline.element, bounds, this.labels, this.pending, this.nothing.element, this.list);
  }

  protected update(): void {
    const media = this.data[this.control.input] as Media | undefined;
    this.playback.show(media);
    this.timeline.show(media);
    this.regions = (this.value ?? []).map((region) => ({ ...region }));
    this.rows.clear();
    this.active = undefined;
    this.start = this.end = undefined;
    this.paint();
  }

  private get duration(): number {
    const media = this.data[this.control.input] as Media | undefined;
    const decoded = this.playback.media.duration;
    return media?.duration_ms ?? (Number.isFinite(decoded) ? Math.floor(decoded * 1000) : 0);
  }

  private get now(): number {
    const at = Math.round(this.playback.seconds * 1000);
    return this.duration ? Math.min(at, this.duration) : at;
  }

  private follow(): void {
    if (this.dataset["ready"] === undefined) return;
    this.timeline.move(this.playback.seconds * 1000, this.duration);
    this.paintTimeline();
  }

  // -- marking

  private bracket(key: string): boolean {
    if (key !== "[" && key !== "]") return false;
    const bound = key === "[" ? "start" : "end";
    if (this.active) {
      this.alter(this.active, bound === "start" ? { start_ms: this.now } : { end_ms: this.now });
      return true;
    }
    this[bound] = this.now;
    const [start, end] = [this.start ?? 0, this.end];
    if (end !== undefined && end - start < LEAST_MS) {
      // The later of the two counts, whichever was meant.
      if (bound === "start") this.end = undefined;
      else this.start = undefined;
    }
    this.paint();
    this.say(`${bound === "start" ? "Start" : "End"} at ${seconds(this.now)} s.`);
    if (this.end !== undefined && this.control.classes.length === 1) this.label(this.control.classes[0]!.name);
    return true;
  }

  private label(name: string): boolean {
    if (this.active) return this.alter(this.active, { label: name });
    if (this.start === undefined && this.end === undefined) {
      this.say("Set the start first.");
      return true;
    }
    const region = { start_ms: this.start ?? 0, end_ms: this.end ?? this.now, label: name };
    if (this.refused(region)) return true;
    this.start = this.end = undefined;
    this.regions.push(region);
    this.active = this.control.text ? region : undefined;
    this.done(`${name} from ${seconds(region.start_ms)} to ${seconds(region.end_ms)} s marked.`);
    if (this.control.text) this.rows.get(region)?.focusText();
    return true;
  }

  /** Changes a region where the result is one; says why where it is not. */
  private alter(region: Region, change: Partial<Region>): boolean {
    const changed = { ...region, ...change };
    if (this.refused(changed, region)) {
      this.rows.get(region)?.show(region);
      return true;
    }
    Object.assign(region, changed);
    if (!region.text) delete region.text;
    const isText = "text" in change;
    this.done(isText ? "" : `Now ${region.label} from ${seconds(region.start_ms)} to ${seconds(region.end_ms)} s.`);
    return true;
  }

  private refused(region: Region, except?: Region): boolean {
    const other = this.control.overlap
      ? undefined
      : this.regions.find((one) => one !== except && one.start_ms < region.end_ms && region.start_ms < one.end_ms);
    let problem = "";
    if (region.end_ms - region.start_ms < LEAST_MS || region.start_ms < 0) {
      problem = "The end comes after the start: set one of them again.";
    } else if (this.duration && region.end_ms > this.duration) problem = `The recording ends at ${seconds(this.duration)} s.`;
    else if (other) problem = `It overlaps ${other.label} from ${seconds(other.start_ms)} to ${seconds(other.end_ms)} s.`;
    if (!problem) return false;
    this.pending.textContent = problem;
    this.say(problem);
    return true;
  }

  private choose(region: Region): void {
    this.active = this.active === region ? undefined : region;
    this.paint();
    this.say(this.active ? `${region.label} from ${seconds(region.start_ms)} s chosen.` : "Nothing is chosen.");
  }

  private drop(region: Region): boolean {
    this.regions = this.regions.filter((one) => one !== region);
    if (this.active === region) this.active = undefined;
    return this.done(`${region.label} from ${seconds(region.start_ms)} s removed.`);
  }

  private letGo(): boolean {
    if (!this.active && this.start === undefined && this.end === undefined) return false;
    this.active = this.start = this.end = undefined;
    this.paint();
    this.say("Nothing is chosen.");
    return true;
  }

  private done(message: string): boolean {
    this.regions.sort(
      (one, other) =>
        one.start_ms - other.start_ms || one.end_ms - other.end_ms || (one.label < other.label ? -1 : 1),
    );
    this.change(this.regions.length ? this.regions.map((region) => ({ ...region })) : undefined);
    this.paint();
    if (message) this.say(message);
    return true;
  }

  // -- what it looks like

  private paint(): void {
    for (const chip of this.labels.querySelectorAll("button")) {
      set(chip, "aria-pressed", String(chip.dataset["label"] === this.active?.label));
    }
    for (const part of this.querySelectorAll<HTMLButtonElement>('[role="group"] > button')) part.disabled = this.isReadonly;
    this.pending.textContent = this.hint();
    this.nothing.show(this.value?.length === 0, this.regions.length > 0, this.isReadonly);
    this.paintList();
    this.timeline.move(this.playback.seconds * 1000, this.duration);
    this.paintTimeline();
  }

  private hint(): string {
    if (this.active) return "A region is chosen: bounds and labels change it. Escape lets go.";
    if (this.start === undefined && this.end === undefined) return "";
    const until = this.end === undefined ? "the playhead" : `${seconds(this.end)} s`;
    return `From ${seconds(this.start ?? 0)} s to ${until}: choose a label.`;
  }

  private paintTimeline(): void {
    const open = this.start ?? (this.end === undefined ? undefined : 0);
    const shown: Region[] = open === undefined ? [] : [{ start_ms: open, end_ms: this.end ?? this.now, label: "" }];
    this.timeline.paint([...this.regions, ...shown], this.duration, this.control.classes, this.active);
  }

  /** Rows keep their elements, so that a field that is being typed in keeps the focus. */
  private paintList(): void {
    const rows = this.regions.map((region, index) => {
      let row = this.rows.get(region);
      if (!row) {
        row = new RegionRow(region, this.control.classes, this.control.text, {
          change: (change) => this.alter(region, change),
          choose: () => this.choose(region),
          play: () => this.playback.playFromTo(region.start_ms / 1000, region.end_ms / 1000),
          remove: () => {
            this.drop(region);
            this.querySelector<HTMLElement>('[role="group"] > button')?.focus();
          },
        });
        this.rows.set(region, row);
      }
      row.show(region, index + 1, region === this.active, this.isReadonly);
      return row.element;
    });
    rows.forEach((element, index) => {
      if (this.list.children[index] !== element) this.list.insertBefore(element, this.list.children[index] ?? null);
    });
    while (this.list.children.length > rows.length) this.list.lastElementChild!.remove();
    for (const region of this.rows.keys()) if (!this.regions.includes(region)) this.rows.delete(region);
  }
}

function isTyping(event: KeyboardEvent): boolean {
  return event.target instanceof Element && event.target.closest("input:not([type=range]), textarea, select") !== null;
}

customElements.define("answer-regions", AnswerRegions);
