/**
 * `<order-form>`: shows the first rows of a chosen file (or what is wrong with it) and keeps the quote up to date while
 * the price is typed. The server reads the file and computes the price; without this element the draft's page shows both.
 */
import { csrfToken } from "../core/lib/http";

const TYPING_MS = 150;

class OrderForm extends HTMLElement {
  private items = 0;
  private timer: number | undefined;
  private latest: AbortController | undefined;

  connectedCallback(): void {
    this.addEventListener("change", (event) => {
      const input = event.target as HTMLInputElement;
      if (input.name === "file" && input.files?.[0]) void this.preview(input.files[0]);
      if (input.name === "task_type") this.onTaskType();
      if (input.name === "import_id" || input.name === "quality") {
        this.showFields();
        this.quoteSoon();
      }
    });
    this.addEventListener("input", (event) => {
      if (["price", "redundancy", "budget"].includes((event.target as HTMLInputElement).name)) this.quoteSoon();
    });
    this.showFields();
    this.quoteSoon();
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    window.clearTimeout(this.timer);
    this.latest?.abort();
  }

  private onTaskType(): void {
    this.showFields();
    const file = this.querySelector<HTMLInputElement>('[name="file"]')?.files?.[0];
    if (file) void this.preview(file);
  }

  /** Only the fields that the chosen type of task asks for. */
  private showFields(): void {
    const chosen = this.value("task_type");
    for (const field of this.querySelectorAll<HTMLElement>("[data-for]")) {
      const isAsked = (field.dataset["for"] ?? "").split(" ").includes(chosen);
      field.closest(".field")?.toggleAttribute("hidden", !isAsked);
    }
    for (const field of this.querySelectorAll<HTMLElement>("[data-quality]")) {
      field.closest(".field")?.toggleAttribute("hidden", field.dataset["quality"] !== this.quality());
    }
    const isImported = this.value("import_id") !== "";
    this.querySelector('[name="file"]')?.closest(".field")?.toggleAttribute("hidden", isImported);
    this.piece("preview").hidden = isImported;
  }

  private quality(): string {
    return this.querySelector<HTMLInputElement>('[name="quality"]:checked')?.value ?? "";
  }

  private piece(name: string): HTMLElement {
    const found = this.querySelector<HTMLElement>(`[data-part="${name}"]`);
    if (!found) throw new Error(`the form has no part ${name}`);
    return found;
  }

  private value(name: string): string {
    return this.querySelector<HTMLInputElement | HTMLSelectElement>(`[name="${name}"]`)?.value ?? "";
  }

  private async preview(file: File): Promise<void> {
    const target = this.piece("preview");
    target.textContent = "Reading the file…";
    const body = new FormData();
    body.set("file", file);
    body.set("task_type", this.value("task_type"));
    try {
      const answer = await fetch("/orders/preview/", {
        method: "POST",
        body,
        headers: { "X-CSRFToken": csrfToken() },
        credentials: "same-origin",
      });
      target.innerHTML = await answer.text();
    } catch {
      target.textContent = "The connection is down. The file will be checked when you save.";
      return;
    }
    const summary = target.querySelector<HTMLElement>("[data-count]");
    this.items = Number(summary?.dataset["count"] ?? 0);
    const classes = this.querySelector<HTMLTextAreaElement>('[name="classes"]');
    if (classes && classes.value.trim() === "") classes.value = summary?.dataset["classes"] ?? "";
    this.quoteSoon();
  }

  private quoteSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.quote(), TYPING_MS);
  }

  private async quote(): Promise<void> {
    const imported = this.value("import_id");
    if (this.items === 0 && imported === "") return;
    this.latest?.abort();
    this.latest = new AbortController();
    const query = new URLSearchParams({
      ...(imported === "" ? { items: String(this.items) } : { import_id: imported }),
      quality: this.quality(),
      budget: this.value("budget"),
      redundancy: this.value("redundancy"),
      price: this.value("price"),
    });
    try {
      const answer = await fetch(`/orders/quote/?${query}`, { signal: this.latest.signal, credentials: "same-origin" });
      this.piece("quote").innerHTML = await answer.text();
    } catch {
      // A newer request has taken over, or the connection is down; the draft shows the price in any case.
    }
  }
}

customElements.define("order-form", OrderForm);
