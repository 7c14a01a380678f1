/**
 * `<waiting-calls>`: calls with side effects that wait for this person, as the server renders them. They are decided in
 * place; `waiting-calls:decided` tells the chat that the conversation went on. Without JavaScript the forms post.
 */
import { csrfToken } from "../../core/lib/http";

const SAYING: Readonly<Record<string, string>> = { refuse: "Refusing…", happened: "Going on…", leave: "Going on…" };

/** What was decided, in words; `answer` is the one that goes on after it, in place of the stored `message`. */
export interface Decided {
  readonly said?: string;
  readonly answer?: string | null;
  readonly message?: string | null;
}

export class WaitingCalls extends HTMLElement {
  private readonly gone = new AbortController();

  connectedCallback(): void {
    this.addEventListener("submit", (event) => this.submitted(event), { signal: this.gone.signal });
  }

  disconnectedCallback(): void {
    this.gone.abort();
  }

  /** Show what waits in that conversation now. */
  async show(conversation: string): Promise<void> {
    if (conversation === "") return;
    const response = await fetch(`/conversations/${conversation}/calls/live/`, { credentials: "same-origin" });
    if (!response.ok) return;
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    this.replaceChildren(template.content);
  }

  private submitted(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const pressed = event.submitter instanceof HTMLButtonElement ? event.submitter : undefined;
    void this.decide(form, pressed?.value ?? "");
  }

  private async decide(form: HTMLFormElement, decision: string): Promise<void> {
    const say = (text: string): void => {
      const line = form.querySelector("[data-said]");
      if (line) line.textContent = text;
    };
    const enable = (isEnabled: boolean): void => {
      for (const button of form.querySelectorAll("button")) button.disabled = !isEnabled;
    };
    enable(false);
    say(SAYING[decision] ?? "Calling…");
    const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
    const body = new URLSearchParams({ decision });
    try {
      const url = form.getAttribute("action") ?? "";
      const response = await fetch(url, { method: "POST", body, headers, credentials: "same-origin" });
      const answer = (await response.json().catch(() => ({}))) as Decided & { detail?: string };
      if (!response.ok) {
        say(answer.detail ?? `The server answered ${response.status}. Try again.`);
        enable(true);
        return;
      }
      this.dispatchEvent(new CustomEvent<Decided>("waiting-calls:decided", { bubbles: true, detail: answer }));
    } catch {
      say("The connection was lost. Try again: it is never made twice.");
      enable(true);
    }
  }
}

customElements.define("waiting-calls", WaitingCalls);
