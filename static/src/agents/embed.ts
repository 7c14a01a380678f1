/**
 * `<embedded-chat>`: the chat in the widget's frame. The conversation is kept here and sent along with each question;
 * a signed ticket in the page stands for the cookies that a frame in a foreign page does not have.
 */
import "../core/site.css";
import { readEvents } from "./lib/event-stream";

interface Turn {
  readonly role: "user" | "assistant";
  readonly content: string;
}

interface Shown {
  readonly number: number;
  readonly place: string;
  readonly quote: string;
}

const CLOSE = "sahara:close";
const MAX_TURNS = 20;

class EmbeddedChat extends HTMLElement {
  private readonly turns: Turn[] = [];
  private running: AbortController | undefined;

  connectedCallback(): void {
    const form = this.querySelector("form");
    const question = this.querySelector("textarea");
    form?.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = question?.value.trim() ?? "";
      if (text && question) {
        question.value = "";
        void this.ask(text);
      }
    });
    question?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form?.requestSubmit();
    });
    this.querySelector("[data-starters]")?.addEventListener("click", (event) => {
      if (event.target instanceof HTMLButtonElement) void this.ask(event.target.value);
    });
    this.querySelector("[data-stop]")?.addEventListener("click", () => this.running?.abort());
    question?.focus();
    this.dataset["ready"] = "";
  }

  private async ask(text: string): Promise<void> {
    if (this.running) return;
    this.running = new AbortController();
    this.setRunning(true);
    this.querySelector("[data-starters]")?.remove();
    this.add("You: ", "bg-base-200 ml-8 whitespace-pre-line").append(text);
    const answer = this.add("Agent: ", "border border-base-300 break-words");
    const words = document.createElement("div");
    words.className = "whitespace-pre-line";
    words.textContent = "…";
    answer.append(words);
    answer.setAttribute("aria-busy", "true");
    try {
      const told = await this.stream(text, answer, words, this.running.signal);
      this.turns.push({ role: "user", content: text }, { role: "assistant", content: told });
      this.turns.splice(0, this.turns.length - MAX_TURNS);
    } catch (error) {
      words.textContent = this.running.signal.aborted ? "Stopped." : reason(error);
    } finally {
      answer.removeAttribute("aria-busy");
      this.running = undefined;
      this.setRunning(false);
    }
  }

  private async stream(text: string, answer: HTMLElement, words: HTMLElement, signal: AbortSignal): Promise<string> {
    const response = await fetch(this.dataset["url"] ?? "", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Widget-Ticket": this.dataset["ticket"] ?? "" },
      body: JSON.stringify({ messages: [...this.turns, { role: "user", content: text }] }),
      credentials: "omit",
      signal,
    });
    if (!response.ok || !response.body) {
      const problem: unknown = await response.json().catch(() => undefined);
      throw new Error(String((problem as { detail?: string } | undefined)?.detail ?? ""));
    }
    let told = "";
    for await (const event of readEvents(response.body)) {
      const data = JSON.parse(event.data) as { text?: string; html?: string; sources?: Shown[]; message?: string };
      if (event.event === "failed") throw new Error(data.message);
      if (event.event === "started" && data.sources?.length) answer.append(sourceList(data.sources));
      if (event.event === "delta") words.textContent = told += data.text ?? "";
      if (event.event === "finished") {
        told = data.text ?? told;
        const template = document.createElement("template");
        // Rendered and sanitised by our server: no scripts, images or links.
        template.innerHTML = data.html ?? "";
        words.className = "prose max-w-none";
        words.replaceChildren(template.content);
      }
      this.scrollDown();
    }
    return told;
  }

  private add(speaker: string, css: string): HTMLElement {
    const turn = document.createElement("article");
    turn.className = `rounded-box p-3 ${css}`;
    const name = document.createElement("span");
    name.className = "sr-only";
    name.textContent = speaker;
    turn.append(name);
    this.querySelector("[data-log]")?.append(turn);
    this.scrollDown();
    return turn;
  }

  private scrollDown(): void {
    const log = this.querySelector("[data-log]");
    if (log) log.scrollTop = log.scrollHeight;
  }

  private setRunning(isRunning: boolean): void {
    const stop = this.querySelector<HTMLButtonElement>("[data-stop]");
    if (stop) stop.hidden = !isRunning;
    const ask = this.querySelector<HTMLButtonElement>("button[type=submit]");
    if (ask) ask.disabled = isRunning;
  }
}

function sourceList(sources: readonly Shown[]): HTMLElement {
  const details = document.createElement("details");
  details.className = "mt-2 text-sm";
  const summary = document.createElement("summary");
  summary.textContent = `${sources.length} source${sources.length === 1 ? "" : "s"}`;
  details.append(summary);
  for (const source of sources) {
    const line = document.createElement("p");
    line.className = "mt-2";
    const place = document.createElement("strong");
    place.textContent = `[${source.number}] ${source.place}: `;
    line.append(place, source.quote);
    details.append(line);
  }
  return details;
}

function reason(error: unknown): string {
  return error instanceof Error && error.message ? error.message : "The connection was lost. Try again.";
}

const close = (): void => window.parent.postMessage(CLOSE, "*");
document.querySelector("[data-close]")?.addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});
customElements.define("embedded-chat", EmbeddedChat);
document.documentElement.dataset["ready"] = "";
