/** `<answer-transcription>`: sound or video beside a field for what is said; its keys work while typing. */
import { type Control, Editor, make } from "./editor";
import "./marks/marks.css";
import { type Media, Playback } from "./marks/playback";

class AnswerTranscription extends Editor<Control, string> {
  private readonly playback = new Playback();
  private readonly field = make("textarea", "textarea w-full text-lg", "", { rows: "5", "data-first": "" });
  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || !this.playback.keys(event)) return;
    event.preventDefault();
  };

  override get showsInput(): boolean {
    return true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keydown", this.onKey);
  }

  disconnectedCallback(): void {
    document.removeEventListener("keydown", this.onKey);
    this.playback.media.pause();
  }

  protected build(): void {
    this.classList.add("grid", "gap-3");
    this.field.setAttribute("aria-label", this.control.title || "What is said");
    this.field.addEventListener("input", () => this.change(this.field.value.trim() ? this.field.value : undefined));
    const keys = "Keys: Ctrl+Space plays and pauses, Ctrl+, goes 3 s back, Ctrl+. on, Ctrl+Shift+, and . set the speed.";
    this.append(this.playback.element, this.field, make("p", "text-quiet text-sm", keys));
  }

  protected update(): void {
    this.playback.show(this.data[this.control.input] as Media | undefined);
    if (this.field.value !== (this.value ?? "")) this.field.value = this.value ?? "";
    this.field.readOnly = this.isReadonly;
  }
}

customElements.define("answer-transcription", AnswerTranscription);
