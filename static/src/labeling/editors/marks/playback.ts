/**
 * Sound or video with the controls that writing down and marking need, by button and by key, also while typing:
 * Ctrl+Space plays and pauses, Ctrl+, and Ctrl+. go 3 seconds back and on, Ctrl+Shift+, and . change the speed.
 */
import { make } from "../editor";
import { button } from "./buttons";

/** A media input's value in a lent task. */
export interface Media {
  readonly url?: string;
  readonly content_type?: string;
  readonly bytes?: number;
  readonly duration_ms?: number;
}

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const JUMP_S = 3;

export class Playback {
  readonly element = make("div", "grid gap-2");
  media!: HTMLMediaElement;
  private source = "";
  private readonly play = button("btn btn-sm", "Play", "", () => this.toggle());
  private readonly speed = make("select", "select select-sm w-24", "", { "aria-label": "Speed" });
  private readonly tools = make("div", "flex flex-wrap items-center gap-2");
  /** Where to pause, when only a stretch is played. */
  private stopAt = Infinity;

  constructor(private readonly onTime: () => void = () => undefined) {
    for (const speed of SPEEDS) this.speed.append(make("option", "", `${speed} ×`, { value: String(speed) }));
    this.speed.value = "1";
    this.speed.addEventListener("change", () => (this.media.playbackRate = Number(this.speed.value)));
    this.play.title = "Ctrl+Space";
    const back = button("btn btn-sm", `−${JUMP_S} s`, "", () => this.jump(-JUMP_S));
    const on = button("btn btn-sm", `+${JUMP_S} s`, "", () => this.jump(JUMP_S));
    back.title = "Ctrl+,";
    on.title = "Ctrl+.";
    this.speed.title = "Ctrl+Shift+, and Ctrl+Shift+.";
    this.tools.append(this.play, back, on, this.speed);
  }

  /** Shows the media of a task; the element stays while its kind does, so that its settings stay too. */
  show(media: Media | undefined): void {
    const kind = media?.content_type?.startsWith("video/") ? "video" : "audio";
    if (this.media?.localName !== kind) this.make(kind);
    const source = media?.url ?? "";
    if (source === this.source) return;
    this.source = source;
    this.stopAt = Infinity;
    if (source) this.media.src = source;
    else this.media.removeAttribute("src");
    this.media.playbackRate = Number(this.speed.value);
  }

  get seconds(): number {
    return this.media.currentTime;
  }

  toggle(): void {
    this.stopAt = Infinity;
    if (this.media.paused) this.start();
    else this.media.pause();
  }

  jump(seconds: number): void {
    this.seek(this.media.currentTime + seconds);
  }

  seek(seconds: number): void {
    const end = Number.isFinite(this.media.duration) ? this.media.duration : Infinity;
    this.media.currentTime = Math.min(Math.max(0, seconds), end);
    this.onTime();
  }

  /** Plays a stretch and pauses at its end. */
  playFromTo(start: number, end: number): void {
    this.seek(start);
    this.stopAt = end;
    this.start();
  }

  /** Deals with a key, wherever the focus is; true if it was one of these. */
  keys(event: KeyboardEvent): boolean {
    if (!event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.code === "Space") this.toggle();
    else if (event.code === "Comma") event.shiftKey ? this.faster(-1) : this.jump(-JUMP_S);
    else if (event.code === "Period") event.shiftKey ? this.faster(1) : this.jump(JUMP_S);
    else return false;
    return true;
  }

  private faster(steps: number): void {
    const at = SPEEDS.indexOf(Number(this.speed.value)) + steps;
    this.speed.value = String(SPEEDS[Math.min(Math.max(0, at), SPEEDS.length - 1)]);
    this.media.playbackRate = Number(this.speed.value);
  }

  private start(): void {
    // Without sound to play the browser shows it in its own controls.
    this.media.play().catch(() => undefined);
  }

  private make(kind: "audio" | "video"): void {
    this.media = make(kind, "marks-player", "", { controls: "", preload: "auto", playsinline: "" });
    this.source = "";
    const tell = (): void => {
      this.play.textContent = this.media.paused ? "Play" : "Pause";
      if (this.media.currentTime >= this.stopAt) {
        this.stopAt = Infinity;
        this.media.pause();
      }
      this.onTime();
    };
    for (const name of ["play", "pause", "timeupdate", "seeked", "durationchange", "ended"]) {
      this.media.addEventListener(name, tell);
    }
    this.element.replaceChildren(this.media, this.tools);
  }
}
