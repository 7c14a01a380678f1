/**
 * `<document-upload data-max-bytes="…"><form data-api="…">`: drop or choose files, each uploads with its own progress.
 *
 * Without JavaScript the form posts all files at once. The list of documents beside it follows by its own live region.
 */
import { csrfToken } from "../core/lib/http";

interface ProblemBody {
  readonly detail?: string;
}

const MEGABYTE = 1024 * 1024;

class DocumentUpload extends HTMLElement {
  private readonly stop = new AbortController();

  connectedCallback(): void {
    const form = this.querySelector("form");
    const input = this.querySelector<HTMLInputElement>("input[type=file]");
    if (!form || !input) return;
    const options = { signal: this.stop.signal };
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        this.take(input);
      },
      options,
    );
    input.addEventListener("change", () => this.take(input), options);
    this.addEventListener("dragover", (event) => this.hover(event, true), options);
    this.addEventListener("dragleave", (event) => this.hover(event, false), options);
    this.addEventListener("drop", (event) => this.drop(event), options);
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    this.stop.abort();
  }

  private hover(event: DragEvent, isOver: boolean): void {
    event.preventDefault();
    this.querySelector("[data-drop]")?.classList.toggle("bg-base-200", isOver);
  }

  private drop(event: DragEvent): void {
    this.hover(event, false);
    for (const file of event.dataTransfer?.files ?? []) void this.send(file);
  }

  private take(input: HTMLInputElement): void {
    for (const file of input.files ?? []) void this.send(file);
    input.value = "";
  }

  /** Uploads one file; a refused one stays in the list with the reason. */
  private async send(file: File): Promise<void> {
    const row = new UploadRow(file.name);
    this.querySelector("[data-uploads]")?.append(row.item);
    const limit = Number(this.dataset["maxBytes"]);
    if (limit && file.size > limit) {
      row.fail(`${file.name} has ${(file.size / MEGABYTE).toFixed(1)} MB; at most ${limit / MEGABYTE} MB are taken.`);
      return;
    }
    try {
      await post(this.querySelector("form")?.dataset["api"] ?? "", file, (share) => row.show(share));
      row.item.remove();
    } catch (error) {
      row.fail(error instanceof Error ? error.message : "The upload failed. Try again.");
    }
  }
}

class UploadRow {
  readonly item = document.createElement("li");
  private readonly label = document.createElement("span");
  private readonly bar = document.createElement("progress");

  constructor(name: string) {
    this.item.className = "grid gap-1 text-sm";
    this.label.textContent = `Uploading ${name}`;
    this.bar.className = "progress progress-primary w-full";
    this.bar.max = 100;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", `Upload of ${name}`);
    this.item.append(this.label, this.bar);
  }

  show(share: number): void {
    this.bar.value = Math.round(share * 100);
  }

  fail(message: string): void {
    this.bar.remove();
    this.label.textContent = message;
    this.item.className = "alert alert-error text-sm";
    this.item.setAttribute("role", "alert");
  }
}

/** XMLHttpRequest, because fetch does not tell how much of a body has been sent. */
function post(url: string, file: File, onProgress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("files", file, file.name);
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Idempotency-Key", crypto.randomUUID());
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) resolve();
      else reject(new Error(detailOf(request.responseText) ?? `The server answered ${request.status}.`));
    });
    request.addEventListener("error", () => reject(new Error("The connection was lost. Try again.")));
    request.send(body);
  });
}

function detailOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as ProblemBody).detail;
  } catch {
    return undefined;
  }
}

customElements.define("document-upload", DocumentUpload);
