/** `<copy-button for="element-id">`: copies that element's text (or the value of an input) and says so. */
class CopyButton extends HTMLElement {
  connectedCallback(): void {
    const button = this.querySelector("button");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => void this.copy(button));
  }

  private async copy(button: HTMLButtonElement): Promise<void> {
    const source = document.getElementById(this.getAttribute("for") ?? "");
    if (!source) return;
    const text = source instanceof HTMLInputElement ? source.value : (source.textContent ?? "");
    const word = this.querySelector("[data-word]") ?? button;
    const before = word.textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      word.textContent = "Copied";
    } catch {
      // No permission or no secure context: select the text so that the user can copy it.
      getSelection()?.selectAllChildren(source);
      word.textContent = "Press Ctrl+C";
    }
    window.setTimeout(() => (word.textContent = before), 2_000);
  }
}

customElements.define("copy-button", CopyButton);
