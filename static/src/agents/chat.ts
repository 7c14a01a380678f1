/**
 * `<agent-chat>`: asks in place instead of reloading. Sources come first, then the documents' own words, then the model's;
 * an answer can be stopped, asked for again, its question edited, and is followed again after a lost connection.
 *
 * Without JavaScript all forms post and the page is shown again with the whole answer.
 */
import "./lib/answer-rating";

import { csrfToken } from "../core/lib/http";
import { AnswerStream, Refused } from "./lib/answer-stream";
import { AnswerView, type Finished, type Label, type Source, type Step } from "./lib/answer-view";
import type { ServerEvent } from "./lib/event-stream";
import { type Decided, WaitingCalls } from "./lib/waiting-calls";

interface Started {
  readonly sources: readonly Source[];
  readonly label: Label | null;
  readonly answer: string;
  readonly quote: string;
  readonly conversation: string | null;
}

const ATTACHED_POLL_MS = 1_500;

class AgentChat extends HTMLElement {
  private readonly gone = new AbortController();
  private running: AnswerStream | undefined;
  private channel: BroadcastChannel | undefined;

  connectedCallback(): void {
    const options = { signal: this.gone.signal };
    this.addEventListener("submit", (event) => this.submitted(event), options);
    this.addEventListener("click", (event) => this.clicked(event), options);
    this.addEventListener("waiting-calls:decided", (event) => void this.wentOn((event as CustomEvent<Decided>).detail), options);
    this.question?.addEventListener("keydown", (event) => this.pressed(event), options);
    this.channel = new BroadcastChannel("agent-chat");
    this.channel.addEventListener("message", (event: MessageEvent<string>) => this.heard(event.data), options);
    this.dataset["ready"] = "";
    this.scrollDown();
    const answering = this.dataset["answering"];
    // An answer that goes on after a decision takes the place of what stood there while it waited.
    if (answering) this.log?.querySelector("[data-waiting]:last-child")?.remove();
    if (answering) void this.run((stream, signal) => stream.follow(answering, signal));
    this.watchAttached();
  }

  disconnectedCallback(): void {
    this.gone.abort();
    this.channel?.close();
  }

  private get question(): HTMLTextAreaElement | null {
    return this.querySelector("textarea[name=question]");
  }

  private get log(): HTMLElement | null {
    return this.querySelector("[data-log]");
  }

  private field(name: string): HTMLInputElement | null {
    return this.querySelector<HTMLInputElement>(`[data-ask] input[name=${name}]`);
  }

  private get conversation(): string {
    return this.field("conversation")?.value ?? "";
  }

  private set conversation(id: string) {
    for (const input of this.querySelectorAll<HTMLInputElement>("input[name=conversation]")) input.value = id;
  }

  private pressed(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.field("edit")?.value) this.edit("", "");
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.question?.form?.requestSubmit();
  }

  private clicked(event: Event): void {
    const target = event.target instanceof Element ? event.target : null;
    const link = target?.closest<HTMLElement>("[data-edit]");
    if (target?.closest("[data-stop]")) void this.running?.stop();
    else if (target?.closest("[data-cancel-edit]")) this.edit("", "");
    else if (link) {
      event.preventDefault();
      const text = link.closest("[data-turn]")?.querySelector("[data-text]")?.textContent ?? "";
      this.edit(link.dataset["edit"] ?? "", text);
    } else if (target instanceof HTMLAnchorElement && target.hash && target.closest(".prose")) {
      // A citation leads to its source, which must be open to be seen.
      const source = target.closest(".chat-turn")?.querySelector("details");
      if (source) source.open = true;
    }
  }

  /** Put a question back into the box; its next version becomes a branch of its own. */
  private edit(id: string, text: string): void {
    const field = this.field("edit");
    if (!field || !this.question) return;
    field.value = id;
    this.question.value = text;
    const label = this.querySelector("[data-label]");
    if (label) label.textContent = id ? "Your question, changed" : "Your question";
    const cancel = this.querySelector<HTMLButtonElement>("[data-cancel-edit]");
    if (cancel) cancel.hidden = id === "";
    this.question.focus();
  }

  private submitted(event: SubmitEvent): void {
    const form = event.target as HTMLFormElement;
    if (form.matches("[data-attach]")) {
      event.preventDefault();
      void this.attach(form);
      return;
    }
    if (!form.matches("[data-ask], [data-starters], [data-retry]")) return;
    event.preventDefault();
    const pressed = event.submitter instanceof HTMLButtonElement ? event.submitter : undefined;
    const text = (form.matches("[data-starters]") ? (pressed?.value ?? "") : (this.question?.value ?? "")).trim();
    if (this.running) return;
    if (form.matches("[data-retry]")) void this.ask(form, "", { retry: pressed?.value ?? "" });
    else if (text) void this.ask(form, text, this.place(form));
  }

  private place(form: HTMLFormElement): Record<string, string> {
    const edit = this.field("edit")?.value ?? "";
    if (edit && form.matches("[data-ask]")) return { edit };
    return { after: this.field("after")?.value ?? "" };
  }

  private async ask(form: HTMLFormElement, text: string, place: Record<string, string>): Promise<void> {
    const body = new URLSearchParams({ question: text || "again", conversation: this.conversation, ...place });
    this.dropBehind(place);
    if (text) this.addTurn(userTurn(text));
    const fromBox = form.matches("[data-ask]");
    if (fromBox) this.edit("", "");
    const isDone = await this.run(async function* (stream, signal) {
      yield* stream.ask(form.getAttribute("action") ?? "", body, signal);
    });
    if (!isDone && fromBox && this.question && this.question.value === "") this.question.value = text;
  }

  /** What follows an edited question or an answer that is asked for again belongs to the branch that is left. */
  private dropBehind(place: Record<string, string>): void {
    const id = place["edit"] ?? place["retry"];
    if (!id) return;
    let turn = this.log?.querySelector(`[data-turn="${CSS.escape(id)}"]`) ?? null;
    while (turn) {
      const next = turn.nextElementSibling;
      turn.remove();
      turn = next;
    }
  }

  private async run(events: (stream: AnswerStream, signal: AbortSignal) => AsyncGenerator<ServerEvent>): Promise<boolean> {
    const view = new AnswerView();
    const stream = new AnswerStream();
    this.addTurn(view.element);
    this.running = stream;
    this.setRunning(true);
    let isDone = false;
    try {
      // The builder saves the form first, so that the answer is that of the agent as it stands there.
      const wait = new CustomEvent<{ until: Promise<unknown>[] }>("agent-chat:asking", { bubbles: true, detail: { until: [] } });
      this.dispatchEvent(wait);
      await Promise.allSettled(wait.detail.until);
      for await (const event of events(stream, this.gone.signal)) isDone = this.handle(event, view) || isDone;
    } catch (error) {
      if (!this.gone.signal.aborted) this.failed(error, view);
    } finally {
      this.running = undefined;
      this.setRunning(false);
    }
    if (isDone) await this.settle(view);
    return isDone;
  }

  private failed(error: unknown, view: AnswerView): void {
    view.fail(error instanceof Error && error.message ? error.message : "The connection was lost. Try again.");
    if (error instanceof Refused && error.code === "conversation_busy" && error.answer) {
      const answer = error.answer;
      window.setTimeout(() => void this.run((stream, signal) => stream.follow(answer, signal)), 0);
    }
  }

  /** Take up one event; true for the one that ends a kept answer. */
  private handle(event: ServerEvent, view: AnswerView): boolean {
    const data: unknown = JSON.parse(event.data);
    let isDone = false;
    if (event.event === "found") {
      const found = data as Started;
      if (found.conversation) this.conversation = found.conversation;
      view.found(found.sources, found.answer);
    } else if (event.event === "started") {
      const started = data as Started;
      view.start(started.sources, started.label, started.answer, started.quote);
    } else if (event.event === "step") {
      view.step(data as Step);
    } else if (event.event === "delta") {
      view.add((data as { text: string }).text);
    } else if (event.event === "approval") {
      void this.showCalls();
    } else if (event.event === "finished") {
      const finished = data as Finished;
      view.finish(finished);
      if (finished.conversation) this.conversation = finished.conversation;
      isDone = finished.message !== null;
    } else if (event.event === "failed") {
      view.fail((data as { message: string }).message);
    }
    this.dispatchEvent(new CustomEvent("agent-chat:event", { bubbles: true, detail: { name: event.event, data } }));
    this.scrollDown();
    return isDone;
  }

  /** What the agent would like to do waits below the conversation until this person decides. */
  private async showCalls(): Promise<void> {
    const calls = this.querySelector("waiting-calls");
    if (calls instanceof WaitingCalls) await calls.show(this.conversation);
  }

  /** A call was made or refused: the answer that has waited for it goes on in its place. */
  private async wentOn({ said, answer, message }: Decided): Promise<void> {
    await this.showCalls();
    if (answer && message && !this.running) {
      const waiting = this.log?.querySelector(`[data-turn="${CSS.escape(message)}"]`);
      const isLast = waiting === this.log?.lastElementChild;
      if (isLast) waiting?.remove();
      await this.run((stream, signal) => stream.follow(answer, signal));
      if (!isLast) await this.showStored();
      await this.showCalls();
    } else await this.showStored();
    this.say(said ?? "");
    this.question?.focus();
    this.channel?.postMessage(this.conversation);
  }

  /** Show the stored turns, with all that can be done with them, and tell other tabs. */
  private async settle(view: AnswerView): Promise<void> {
    await this.showStored(view.element);
    this.channel?.postMessage(this.conversation);
  }

  private async showStored(instead?: HTMLElement): Promise<void> {
    const url = this.dataset["logUrl"];
    if (!url || this.conversation === "") return;
    const response = await fetch(`${url}?conversation=${this.conversation}`, { credentials: "same-origin" });
    if (!response.ok || !this.log) return;
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    const turns = [...template.content.querySelectorAll<HTMLElement>("[data-turn]")];
    const field = this.field("after");
    if (field) field.value = turns.at(-1)?.dataset["turn"] ?? "";
    const isOpen = instead?.querySelector("details")?.open ?? false;
    if (instead && turns.length >= 2) {
      // Only the last two: what a screen reader has read stays as it is.
      const asked = instead.previousElementSibling;
      if (asked && !asked.hasAttribute("data-turn")) asked.replaceWith(turns.at(-2) as HTMLElement);
      instead.replaceWith(turns.at(-1) as HTMLElement);
      const details = turns.at(-1)?.querySelector("details");
      if (details) details.open = isOpen;
    } else {
      this.log.replaceChildren(template.content);
    }
    this.scrollDown();
  }

  /** Another tab has gone on with this conversation. */
  private heard(conversation: string): void {
    if (conversation === "" || conversation !== this.conversation || this.running) return;
    void this.showCalls();
    void this.showStored().then(() => this.say("This conversation went on in another tab; here is where it stands."));
  }

  private async attach(form: HTMLFormElement): Promise<void> {
    const button = form.querySelector<HTMLButtonElement>("button");
    if (button) button.disabled = true;
    this.say("Sending the document…");
    try {
      const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
      const url = form.getAttribute("action") ?? "";
      const response = await fetch(url, { method: "POST", body: new FormData(form), headers, credentials: "same-origin" });
      const body = (await response.json().catch(() => ({}))) as { conversation?: string; name?: string; detail?: string };
      if (!response.ok) {
        this.say(body.detail ?? `The server answered ${response.status}.`);
        return;
      }
      this.conversation = body.conversation ?? this.conversation;
      form.querySelector<HTMLInputElement>("input[type=file]")?.form?.reset();
      this.conversation = body.conversation ?? this.conversation;
      this.say(`${body.name ?? "The document"} is being read.`);
      await this.showAttached();
    } catch {
      this.say("The connection was lost. Try again.");
    } finally {
      if (button) button.disabled = false;
    }
  }

  private async showAttached(): Promise<void> {
    const place = this.querySelector("[data-attached]");
    if (!place || this.conversation === "") return;
    const response = await fetch(`/conversations/${this.conversation}/attachments/`, { credentials: "same-origin" });
    if (!response.ok) return;
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    place.replaceChildren(template.content);
    this.watchAttached();
  }

  /** Look again while a document is still being read. */
  private watchAttached(): void {
    const place = this.querySelector("[data-attached]");
    if (!place?.querySelector("[data-reading]") || this.gone.signal.aborted) return;
    window.setTimeout(() => void this.showAttached(), ATTACHED_POLL_MS);
  }

  private addTurn(element: HTMLElement): void {
    this.querySelector("[data-empty]")?.remove();
    this.log?.append(element);
    this.scrollDown();
  }

  private say(text: string): void {
    const line = this.querySelector("[data-notice]");
    if (line) line.textContent = text;
  }

  private scrollDown(): void {
    if (this.log) this.log.scrollTop = this.log.scrollHeight;
  }

  private setRunning(isRunning: boolean): void {
    const stop = this.querySelector<HTMLButtonElement>("[data-stop]");
    if (stop) stop.hidden = !isRunning;
    for (const button of this.querySelectorAll<HTMLButtonElement>(":is([data-ask], [data-starters], [data-retry]) button[type=submit]")) {
      button.disabled = isRunning;
    }
    if (isRunning) this.say("");
  }
}

function userTurn(text: string): HTMLElement {
  const turn = document.createElement("div");
  turn.className = "chat-turn chat-mine whitespace-pre-line break-words";
  const speaker = document.createElement("span");
  speaker.className = "sr-only";
  speaker.textContent = "You: ";
  turn.append(speaker, text);
  return turn;
}

customElements.define("agent-chat", AgentChat);
