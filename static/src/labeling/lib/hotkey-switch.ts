/** The checkbox that switches keys of one character off (WCAG 2.1.4); the browser remembers it. */

const OFF = "sahara.player.hotkeys-off";

export class HotkeySwitch {
  constructor(private readonly box: HTMLInputElement) {
    try {
      box.checked = localStorage.getItem(OFF) === null;
    } catch {
      // Without storage the keys are on.
    }
    box.addEventListener("change", () => this.remember());
  }

  get isOn(): boolean {
    return this.box.checked;
  }

  private remember(): void {
    try {
      if (this.isOn) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    } catch {
      // The choice holds for this page.
    }
  }
}
