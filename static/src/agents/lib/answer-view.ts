/** One answer in the chat log, filled as its events arrive; the server's own rendering takes its place at the end. */

export interface Source {
  readonly number: number;
  readonly place: string;
  readonly text: string;
  readonly quote: string;
}

export interface Label {
  readonly label: string;
  readonly confidence: number;
}

/** A step of a team that answers. */
export interface Step {
  readonly name: string;
  readonly state: string;
}

export interface Finished {
  readonly html: string;
  readonly finish: string;
  readonly supported: boolean;
  readonly tokens: number;
  readonly seconds: number;
  readonly conversation: string | null;
  readonly message: string | null;
}

export class AnswerView {
  readonly element = document.createElement("article");
  private readonly body = document.createElement("div");
  private readonly foot = document.createElement("p");
  private sources: HTMLElement | undefined;
  private text = "";

  constructor() {
    this.element.className = "chat-turn chat-theirs";
    this.element.setAttribute("aria-busy", "true");
    this.body.className = "prose max-w-none break-words whitespace-pre-line";
    this.foot.className = "chat-waiting tabular";
    this.foot.textContent = "Looking it up…";
    const speaker = document.createElement("span");
    speaker.className = "sr-only";
    speaker.textContent = "Agent: ";
    this.element.append(speaker, this.body, this.foot);
  }

  /** What the search has found, before anything is written. */
  found(sources: readonly Source[], anchor: string): void {
    const list = sources.length > 0 ? sourceList(sources, anchor) : undefined;
    if (list && this.sources?.hasAttribute("open")) list.open = true;
    if (this.sources && list) this.sources.replaceWith(list);
    else if (list) this.foot.before(list);
    this.sources = list;
    this.foot.textContent = "Reading…";
  }

  /** `quote` is an answer in the documents' own words, rendered by the server: it stands until the model has words. */
  start(sources: readonly Source[], label: Label | null, anchor: string, quote: string): void {
    this.found(sources, anchor);
    if (label) this.body.before(labelBadge(label));
    if (quote === "") return;
    this.show(quote);
    this.body.dataset["quote"] = "";
    this.foot.textContent = "From the documents. The written answer follows…";
  }

  step(step: Step): void {
    this.foot.textContent = `${step.name}: ${step.state}`;
  }

  add(text: string): void {
    if (this.text === "") {
      delete this.body.dataset["quote"];
      this.body.classList.add("whitespace-pre-line");
      this.foot.textContent = "Writing…";
    }
    this.text += text;
    this.body.textContent = this.text;
  }

  finish(result: Finished): void {
    if (result.html !== "" || this.body.dataset["quote"] === undefined) this.show(result.html);
    if (!result.supported) this.foot.before(note("The model's words are not backed by the documents; read the quoted passage."));
    const stopped = result.finish === "cancelled" ? "Stopped. " : "";
    this.close(`${stopped}${result.tokens} tokens, ${result.seconds.toFixed(1)} s`);
  }

  fail(message: string): void {
    const alert = note(message);
    alert.setAttribute("role", "alert");
    this.foot.before(alert);
    this.close("");
  }

  /** `html` was rendered and sanitised by the server; it holds no scripts, images or foreign links. */
  private show(html: string): void {
    const template = document.createElement("template");
    template.innerHTML = html;
    this.body.classList.remove("whitespace-pre-line");
    this.body.replaceChildren(template.content);
  }

  private close(footer: string): void {
    this.foot.textContent = footer;
    this.element.removeAttribute("aria-busy");
  }
}

function sourceList(sources: readonly Source[], anchor: string): HTMLDetailsElement {
  const details = document.createElement("details");
  details.className = "text-sm";
  const summary = document.createElement("summary");
  summary.textContent = `${sources.length} source${sources.length === 1 ? "" : "s"}: ${sources[0]?.place ?? ""}`;
  const list = document.createElement("ol");
  list.className = "mt-2 grid gap-2";
  for (const source of sources) list.append(sourceItem(source, anchor));
  details.append(summary, list);
  return details;
}

function sourceItem(source: Source, anchor: string): HTMLElement {
  const item = document.createElement("li");
  item.id = `${anchor}-${source.number}`;
  item.className = "rounded-box bg-base-200 p-2";
  const title = document.createElement("p");
  title.className = "font-medium";
  title.textContent = `[${source.number}] ${source.place}`;
  item.append(title, highlighted(source));
  return item;
}

function highlighted(source: Source): HTMLElement {
  const passage = document.createElement("p");
  passage.className = "whitespace-pre-line";
  const at = source.quote === "" ? -1 : source.text.indexOf(source.quote);
  if (at < 0) {
    passage.textContent = source.text;
    return passage;
  }
  const mark = document.createElement("mark");
  mark.textContent = source.quote;
  passage.append(source.text.slice(0, at), mark, source.text.slice(at + source.quote.length));
  return passage;
}

function labelBadge(label: Label): HTMLElement {
  const badge = document.createElement("p");
  const inner = document.createElement("span");
  inner.className = "status-badge";
  inner.textContent = `${label.label} (${Math.round(label.confidence * 100)} %)`;
  badge.append(inner);
  return badge;
}

function note(text: string): HTMLElement {
  const element = document.createElement("p");
  element.className = "text-sm";
  element.textContent = text;
  return element;
}
