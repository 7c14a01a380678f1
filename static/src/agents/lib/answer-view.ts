/** One answer in the chat log, filled as its events arrive. */

export interface Source {
  readonly number: number;
  readonly place: string;
  readonly text: string;
  readonly quote: string;
  readonly knowledge_base_id: string;
  readonly document_id: string;
  readonly ordinal: number;
}

export interface Label {
  readonly label: string;
  readonly confidence: number;
}

export interface Finished {
  readonly html: string;
  readonly finish: string;
  readonly supported: boolean;
  readonly tokens: number;
  readonly seconds: number;
  readonly conversation: string | null;
}

export class AnswerView {
  readonly element = document.createElement("article");
  private readonly body = document.createElement("div");
  private readonly foot = document.createElement("p");
  private text = "";

  constructor(private readonly isPrivate: boolean) {
    this.element.className = "chat-turn rounded-box border border-base-300 grid gap-2 p-3";
    this.element.setAttribute("aria-busy", "true");
    this.body.className = "prose max-w-none break-words whitespace-pre-line";
    this.body.textContent = "…";
    this.foot.className = "text-quiet tabular text-xs";
    const speaker = document.createElement("span");
    speaker.className = "sr-only";
    speaker.textContent = "Agent: ";
    this.element.append(speaker, this.body, this.foot);
  }

  start(sources: readonly Source[], label: Label | null, idPrefix: string): void {
    if (label) this.body.before(labelBadge(label));
    if (sources.length > 0) this.foot.before(this.sourceList(sources, idPrefix));
    const quote = sources[0]?.quote;
    if (quote) this.foot.textContent = `Reading: “${quote}”`;
  }

  add(text: string): void {
    this.text += text;
    this.body.textContent = this.text;
  }

  /** `html` was rendered and sanitised by the server; it holds no scripts, images or foreign links. */
  finish(result: Finished): void {
    const template = document.createElement("template");
    template.innerHTML = result.html;
    this.body.classList.remove("whitespace-pre-line");
    this.body.replaceChildren(template.content);
    if (!result.supported) this.foot.before(note("The model's words are not backed by the documents; read the quoted passage."));
    this.close(`${result.tokens} tokens, ${result.seconds.toFixed(1)} s`);
  }

  fail(message: string): void {
    const alert = note(message);
    alert.setAttribute("role", "alert");
    if (this.text === "") this.body.replaceChildren(alert);
    else this.foot.before(alert);
    this.close("");
  }

  stop(): void {
    if (this.text === "") this.body.textContent = "";
    this.close("Stopped.");
  }

  private close(footer: string): void {
    this.foot.textContent = footer;
    this.element.removeAttribute("aria-busy");
  }

  private sourceList(sources: readonly Source[], idPrefix: string): HTMLElement {
    const details = document.createElement("details");
    details.className = "text-sm";
    const summary = document.createElement("summary");
    summary.textContent = `${sources.length} source${sources.length === 1 ? "" : "s"}`;
    const list = document.createElement("ol");
    list.className = "mt-2 grid gap-2";
    for (const source of sources) list.append(this.sourceItem(source, idPrefix));
    details.append(summary, list);
    // A citation leads to its source, which must be open to be seen.
    this.body.addEventListener("click", (event) => {
      if (event.target instanceof HTMLAnchorElement) details.open = true;
    });
    return details;
  }

  private sourceItem(source: Source, idPrefix: string): HTMLElement {
    const item = document.createElement("li");
    item.id = `${idPrefix}-${source.number}`;
    item.className = "rounded-box bg-base-200 p-2";
    const title = document.createElement("p");
    title.className = "font-medium";
    const place = document.createElement(this.isPrivate ? "a" : "span");
    place.textContent = source.place;
    if (place instanceof HTMLAnchorElement) {
      place.className = "link";
      place.href = `/knowledge/${source.knowledge_base_id}/documents/${source.document_id}/#passage-${source.ordinal}`;
    }
    title.append(`[${source.number}] `, place);
    item.append(title, highlighted(source));
    return item;
  }
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
