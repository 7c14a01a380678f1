/** `<answer-rating>`: a thumb is sent in place; a thumb down asks for the reason. Without JavaScript its forms post. */
import { csrfToken } from "../../core/lib/http";

class AnswerRating extends HTMLElement {
  private readonly gone = new AbortController();

  connectedCallback(): void {
    this.addEventListener("submit", (event) => this.submitted(event), { signal: this.gone.signal });
  }

  disconnectedCallback(): void {
    this.gone.abort();
  }

  private submitted(event: SubmitEvent): void {
    event.preventDefault();
    event.stopPropagation();
    const form = event.target as HTMLFormElement;
    const body = new FormData(form, event.submitter);
    const pressed = event.submitter;
    if (pressed?.getAttribute("aria-pressed") === "true") body.set("rating", "0");
    void this.send(body, form.hasAttribute("data-reason"));
  }

  private async send(body: FormData, isReason: boolean): Promise<void> {
    const headers = { "X-Autosave": "1", "X-CSRFToken": csrfToken() };
    const url = this.dataset["url"] ?? "";
    const response = await fetch(url, { method: "POST", body, headers, credentials: "same-origin" }).catch(() => undefined);
    if (!response?.ok) {
      this.say("Not saved. Try again.");
      return;
    }
    const rating = String(body.get("rating"));
    for (const button of this.querySelectorAll("[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("value") === rating));
    }
    const reason = this.querySelector<HTMLElement>("[data-reason]");
    if (reason) reason.hidden = rating !== "-1" || isReason;
    if (reason && !reason.hidden) reason.querySelector("select")?.focus();
    this.say(rating === "0" ? "Taken back." : "Thank you.");
  }

  private say(text: string): void {
    const line = this.querySelector("[data-said]");
    if (line) line.textContent = text;
  }
}

customElements.define("answer-rating", AnswerRating);
