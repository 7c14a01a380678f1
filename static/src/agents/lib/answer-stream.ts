/** The events of an answer over server-sent events; a lost connection is taken up again behind the last event. */
import { csrfToken } from "../../core/lib/http";
import { readEvents, type ServerEvent } from "./event-stream";

const RETRIES = 6;
const FIRST_PAUSE_MS = 400;

/** What the server refused, in its words; `answer` is the one that is being given instead. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    message: string,
    readonly code: string,
    readonly answer: string,
  ) {
    super(message);
  }
}

export class AnswerStream {
  /** Known once the server has begun: the answer can be followed and stopped by it. */
  answerId = "";
  private lastEvent = "";

  /** Ask, and yield what comes until the answer is over. */
  async *ask(url: string, body: URLSearchParams, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const headers = { Accept: "text/event-stream", "X-CSRFToken": csrfToken() };
    const response = await fetch(url, { method: "POST", body, headers, signal, credentials: "same-origin" });
    if (!response.ok || !response.body) throw await refusal(response);
    this.answerId = response.headers.get("X-Answer") ?? "";
    yield* this.through(response.body, signal);
  }

  /** Follow an answer that somebody (another tab, this page before it was reloaded) has begun. */
  async *follow(answerId: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    this.answerId = answerId;
    yield* this.again(signal);
  }

  /** End it where it is; what was written is kept, and the last event still comes. */
  async stop(): Promise<void> {
    if (this.answerId === "") return;
    const headers = { "X-CSRFToken": csrfToken() };
    await fetch(`/answers/${this.answerId}/stop/`, { method: "POST", headers, credentials: "same-origin" });
  }

  private async *through(body: ReadableStream<Uint8Array<ArrayBuffer>>, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    let isOver = false;
    try {
      for await (const event of readEvents(body)) {
        this.lastEvent = event.id || this.lastEvent;
        isOver = event.event === "finished" || event.event === "failed";
        yield event;
      }
    } catch (error) {
      if (signal.aborted || this.answerId === "") throw error;
    }
    if (!isOver && this.answerId !== "") yield* this.again(signal);
  }

  private async *again(signal: AbortSignal): AsyncGenerator<ServerEvent> {
    for (let attempt = 0; attempt < RETRIES; attempt += 1) {
      let isOver = false;
      try {
        const headers = new Headers(this.lastEvent === "" ? [] : [["Last-Event-ID", this.lastEvent]]);
        const response = await fetch(`/answers/${this.answerId}/events/`, { headers, signal, credentials: "same-origin" });
        if (!response.ok || !response.body) throw await refusal(response);
        for await (const event of readEvents(response.body)) {
          this.lastEvent = event.id || this.lastEvent;
          attempt = 0;
          isOver = event.event === "finished" || event.event === "failed";
          yield event;
        }
      } catch (error) {
        if (signal.aborted || error instanceof Refused) throw error;
      }
      if (isOver) return;
      await new Promise((resolve) => window.setTimeout(resolve, FIRST_PAUSE_MS * 2 ** attempt));
    }
    throw new Error("The connection was lost. Reload the page to see the answer.");
  }
}

async function refusal(response: Response): Promise<Refused> {
  const body: unknown = await response.json().catch(() => ({}));
  const problem = body as { detail?: unknown; code?: unknown; answer?: unknown };
  const detail = typeof problem.detail === "string" ? problem.detail : `The server answered ${response.status}. Try again.`;
  return new Refused(detail, String(problem.code ?? ""), typeof problem.answer === "string" ? problem.answer : "");
}
