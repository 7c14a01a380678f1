/**
 * `<confirm-dialog heading="Remove Ana?" text="She loses access at once." action="Remove">` around a form: asks before
 * it is sent. Without JavaScript the form is simply sent, so the server must not rely on the question.
 */
class ConfirmDialog extends HTMLElement {
  private readonly onSubmit = (event: SubmitEvent): void => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset["confirmed"] !== undefined) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.ask(form, event.submitter);
  };

  connectedCallback(): void {
    this.addEventListener("submit", this.onSubmit, { capture: true });
  }

  disconnectedCallback(): void {
    this.removeEventListener("submit", this.onSubmit, { capture: true });
  }

  private ask(form: HTMLFormElement, submitter: HTMLElement | null): void {
    const dialog = document.createElement("dialog");
    dialog.className = "confirm";
    const heading = document.createElement("h2");
    heading.id = `confirm-${crypto.randomUUID()}`;
    heading.textContent = this.getAttribute("heading") ?? "Are you sure?";
    dialog.setAttribute("aria-labelledby", heading.id);
    const text = document.createElement("p");
    text.className = "mt-2";
    text.textContent = this.getAttribute("text") ?? "";
    const answers = document.createElement("form");
    answers.method = "dialog";
    answers.className = "mt-5 flex flex-wrap justify-end gap-2";
    answers.append(this.answer("", "Cancel", "btn"), this.answer("yes", this.getAttribute("action") ?? "Yes", "btn btn-error"));
    dialog.append(heading, text, answers);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue !== "yes") {
        submitter?.focus();
        return;
      }
      form.dataset["confirmed"] = "";
      form.requestSubmit(submitter instanceof HTMLButtonElement ? submitter : null);
      delete form.dataset["confirmed"];
    });
    // Outside this element, so that its own form does not come back to onSubmit.
    document.body.append(dialog);
    dialog.showModal();
  }

  private answer(value: string, label: string, classes: string): HTMLButtonElement {
    const button = document.createElement("button");
    button.value = value;
    button.textContent = label;
    button.className = classes;
    return button;
  }
}

customElements.define("confirm-dialog", ConfirmDialog);
