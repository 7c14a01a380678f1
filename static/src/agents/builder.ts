/** `<agent-form>`: saves the draft while it is edited, so that the test chat always talks to what the form says. */
import { csrfToken } from "../core/lib/http";

const PAUSE_MS = 800;

class AgentForm extends HTMLElement {
  private readonly gone = new AbortController();
  private timer: number | undefined;
  private isDirty = false;
  private newest: string | null = null;
  private saving: Promise<void> = Promise.resolve();

  connectedCallback(): void {
    const options = { signal: this.gone.signal };
    this.addEventListener("input", () => this.changed(PAUSE_MS), options);
    this.addEventListener("change", () => this.changed(0), options);
    this.querySelector("[data-keep-mine]")?.addEventListener("click", () => this.keepMine(), options);
    document.addEventListener("agent-chat:asking", (event) => this.beforeAsking(event), options);
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    this.gone.abort();
    window.clearTimeout(this.timer);
  }

  private changed(delayMs: number): void {
    this.isDirty = true;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.save(), delayMs);
  }

  private beforeAsking(event: Event): void {
    if (!this.isDirty) return;
    window.clearTimeout(this.timer);
    (event as CustomEvent<{ until: Promise<unknown>[] }>).detail.until.push(this.save());
  }

  /** One save at a time; a change during a save is saved after it. */
  private save(): Promise<void> {
    this.saving = this.saving.then(() => this.send());
    return this.saving;
  }

  private async send(): Promise<void> {
    const form = this.querySelector("form");
    if (!form || !this.isDirty || !form.checkValidity()) return;
    this.isDirty = false;
    this.say("Saving…");
    const file = form.querySelector<HTMLInputElement>("input[type=file]");
    const body = new FormData(form);
    const headers = { "X-Autosave": "1", "X-CSRFToken": csrfToken() };
    try {
      const response = await fetch(form.getAttribute("action") ?? "", { method: "POST", body, headers, credentials: "same-origin" });
      if (response.status === 204) {
        if (file) file.value = "";
        this.basedOn(response.headers.get("X-Revision"));
        this.say("Saved. Visitors see it when you publish.");
      } else if (response.status === 409) {
        await this.conflict(response);
      } else {
        this.say("Not saved: press Save to see what is wrong.");
      }
    } catch {
      this.isDirty = true;
      this.say("Not saved: the connection was lost.");
    }
  }

  /** Which draft the form was filled from: the server refuses to overwrite another one unasked. */
  private basedOn(revision: string | null): void {
    const field = this.querySelector<HTMLInputElement>("input[name=revision]");
    if (field && revision) field.value = revision;
  }

  private async conflict(response: Response): Promise<void> {
    const body = (await response.json().catch(() => ({}))) as { detail?: string; revision?: number };
    this.isDirty = true;
    this.newest = body.revision === undefined ? null : String(body.revision);
    this.say("Not saved.");
    const box = this.querySelector<HTMLElement>("[data-conflict]");
    const text = this.querySelector("[data-conflict-text]");
    if (text) text.textContent = body.detail ?? "Somebody else has changed this agent.";
    if (box) box.hidden = false;
  }

  private keepMine(): void {
    this.basedOn(this.newest);
    const box = this.querySelector<HTMLElement>("[data-conflict]");
    if (box) box.hidden = true;
    void this.save();
  }

  private say(text: string): void {
    const line = this.querySelector("[data-saved]");
    if (line) line.textContent = text;
  }
}

customElements.define("agent-form", AgentForm);
