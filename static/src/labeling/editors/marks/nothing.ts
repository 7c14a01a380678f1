/** “There is nothing to mark”: said by the annotator and never guessed from an answer that was left empty. */
import { keyCap, make } from "../editor";

export class Nothing {
  readonly element = make("label", "flex min-h-11 w-fit items-center gap-2");
  private readonly box = make("input", "checkbox", "", { type: "checkbox" });

  /** @param tell called with what the annotator now says. */
  constructor(private readonly tell: (isNothing: boolean) => void) {
    this.element.append(this.box, "There is nothing to mark", keyCap("0"));
    this.box.addEventListener("change", () => this.tell(this.box.checked));
  }

  show(isNothing: boolean, hasMarks: boolean, isReadonly: boolean): void {
    this.box.checked = isNothing;
    this.box.disabled = isReadonly;
    this.element.hidden = hasMarks;
  }

  /** Deals with the key 0; true if it was that. */
  keys(event: KeyboardEvent): boolean {
    if (event.key !== "0" || this.element.hidden) return false;
    this.box.checked = !this.box.checked;
    this.tell(this.box.checked);
    return true;
  }
}
