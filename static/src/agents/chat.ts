/**
 * `<agent-chat>`: asks in place instead of reloading, shows sources first, then the words as they come; can be stopped.
 *
 * Without JavaScript both forms post and the page is shown again with the whole answer.
 */
import { csrfToken } from "../core/lib/http";
import { AnswerView, type Finished, type Label, type Source } from "./lib/answer-view";
import { readEvents, type ServerEvent } from "./lib/event-stream";

interface Started {
  readonly sources: readonly Source[];
  readonly label: Label | null;
  readonly answer: string;
}

class AgentChat extends HTMLElement {
  private readonly gone = new AbortController();
  private running: AbortController | undefined;

  connectedCallback(): void {
    const options = { signal: this.gone.signal };
    this.addEventListener("submit", (event) => this.submitted(event), options);
    this.stopButton?.addEventListener("click", () => this.running?.abort(), options);
    this.question?.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.question?.form?.requestSubmit();
      },
      options,
    );
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    this.gone.abort();
    this.running?.abort();
  }

  private get question(): HTMLTextAreaElement | null {
    return this.querySelector("textarea");
  }

  private get stopButton(): HTMLButtonElement | null {
    return this.querySelector("[data-stop]");
  }

  private submitted(event: SubmitEvent): void {
    const form = event.target as HTMLFormElement;
    event.preventDefault();
    const starter = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    const text = (starter || this.question?.value || "").trim();
    if (!text || this.running) return;
    if (!starter && this.question) this.question.value = "";
    void this.ask(form.getAttribute("action") ?? "", text);
  }

  private async ask(url: string, text: string): Promise<void> {
    const view = new AnswerView(this.hasAttribute("data-private"));
    this.addTurns(userTurn(text), view.element);
    this.running = new AbortController();
    this.setRunning(true);
    try {
      // The builder saves the form first, so that the answer is that of the agent as it stands there.
      await new Promise<void>((resolve) => {
        const wait = new CustomEvent<{ until: Promise<unknown>[] }>("agent-chat:asking", { bubbles: true, detail: { until: [] } });
        this.dispatchEvent(wait);
        void Promise.allSettled(wait.detail.until).then(() => resolve());
      });
      await this.stream(url, text, view, this.running.signal);
    } catch (error) {
      if (this.running.signal.aborted) view.stop();
      else view.fail(error instanceof Error && error.message ? error.message : "The connection was lost. Try again.");
    } finally {
      this.running = undefined;
      this.setRunning(false);
    }
  }

  private async stream(url: string, text: string, view: AnswerView, signal: AbortSignal): Promise<void> {
    const conversation = this.querySelector<HTMLInputElement>("input[name=conversation]");
    const body = new URLSearchParams({ question: text, conversation: conversation?.value ?? "" });
    const headers = { Accept: "text/event-stream", "X-CSRFToken": csrfToken() };
    const response = await fetch(url, { method: "POST", body, headers, signal, credentials: "same-origin" });
    if (!response.ok || !response.body) {
      view.fail(await reason(response));
      return;
    }
    for await (const event of readEvents(response.body)) this.handle(event, view, conversation);
  }

  private handle(event: ServerEvent, view: AnswerView, conversation: HTMLInputElement | null): void {
    const data: unknown = JSON.parse(event.data);
    if (event.event === "started") {
      const started = data as Started;
      view.start(started.sources, started.label, started.answer);
    } else if (event.event === "delta") {
      view.add((data as { text: string }).text);
    } else if (event.event === "finished") {
      const finished = data as Finished;
      view.finish(finished);
      if (conversation && finished.conversation) conversation.value = finished.conversation;
    } else if (event.event === "failed") {
      view.fail((data as { message: string }).message);
    }
    this.scrollDown();
  }

  private addTurns(...elements: HTMLElement[]): void {
    this.querySelector("[data-empty]")?.remove();
    this.querySelector("[data-log]")?.append(...elements);
    this.scrollDown();
  }

  private scrollDown(): void {
    const log = this.querySelector("[data-log]");
    if (log) log.scrollTop = log.scrollHeight;
  }

  private setRunning(isRunning: boolean): void {
    if (this.stopButton) this.stopButton.hidden = !isRunning;
    for (const button of this.querySelectorAll<HTMLButtonElement>("button[type=submit]")) button.disabled = isRunning;
  }
}

function userTurn(text: string): HTMLElement {
  const turn = document.createElement("div");
  turn.className = "chat-turn bg-base-200 rounded-box ml-8 p-3 whitespace-pre-line";
  const speaker = document.createElement("span");
  speaker.className = "sr-only";
  speaker.textContent = "You: ";
  turn.append(speaker, text);
  return turn;
}

async function reason(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => undefined);
  const detail = (body as { detail?: unknown } | undefined)?.detail;
  return typeof detail === "string" ? detail : `The server answered ${response.status}. Try again.`;
}

customElements.define("agent-chat", AgentChat);
