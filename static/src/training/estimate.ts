/** `<training-estimate>`: says how long the chosen dataset and method will take, from the table on the page. */
class TrainingEstimate extends HTMLElement {
  private readonly stop = new AbortController();

  connectedCallback(): void {
    const form = this.querySelector("form");
    const output = this.querySelector<HTMLElement>("[data-estimate]");
    if (!form || !output) return;
    const show = (): void => this.show(form, output);
    form.addEventListener("change", show, { signal: this.stop.signal });
    show();
  }

  disconnectedCallback(): void {
    this.stop.abort();
  }

  private show(form: HTMLFormElement, output: HTMLElement): void {
    const chosen = new FormData(form);
    const version = String(chosen.get("dataset_version") ?? "");
    const method = String(chosen.get("method") ?? "");
    const rows = [...this.querySelectorAll<HTMLElement>("tr[data-version]")];
    const estimate = rows.find((row) => row.dataset["version"] === version)?.dataset[method];
    output.hidden = estimate === undefined;
    output.textContent = estimate === undefined ? "" : `This will take about ${estimate}. You can leave the page meanwhile.`;
  }
}

customElements.define("training-estimate", TrainingEstimate);
