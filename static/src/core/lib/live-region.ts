/**
 * `<live-region topic="training-run:ID" src="/fragment/url/">`: refetches its content from `src` when the topic speaks.
 *
 * While the socket is down it polls every 5 s (`poll="10"` for another number of seconds). It stops for good when the
 * fragment contains an element with `data-live-done`. What a person is writing in it is never replaced: it waits until
 * the field is as it was, or the form is sent.
 */
import { onState, subscribe } from "./live";

const DEFAULT_POLL_S = 5;
const GATHER_MS = 150;

class LiveRegion extends HTMLElement {
  private stops: (() => void)[] = [];
  private pollTimer: number | undefined;
  private gatherTimer: number | undefined;
  private isFetching = false;
  /** The topic spoke while the content was fetched, which may be of before. */
  private isDue = false;
  private isBehind = false;

  connectedCallback(): void {
    const topic = this.getAttribute("topic");
    if (this.querySelector("[data-live-done]")) return;
    if (topic) this.stops.push(subscribe(topic, () => this.refreshSoon()));
    this.stops.push(onState((isUp) => this.poll(isUp && topic !== null)));
    const catchUp = (): void => {
      if (this.isBehind) this.refreshSoon();
    };
    // Somebody may begin to write while the content is on its way.
    const holdBack = (event: Event): void => {
      if (event.target !== this) return;
      this.isBehind = this.isEdited();
      if (this.isBehind) event.preventDefault();
    };
    this.listen("input", catchUp);
    this.listen("htmx:before:swap", holdBack);
  }

  disconnectedCallback(): void {
    for (const stop of this.stops) stop();
    this.stops = [];
    window.clearInterval(this.pollTimer);
    window.clearTimeout(this.gatherTimer);
  }

  private listen(type: string, listener: (event: Event) => void): void {
    this.addEventListener(type, listener);
    this.stops.push(() => this.removeEventListener(type, listener));
  }

  private poll(isLive: boolean): void {
    window.clearInterval(this.pollTimer);
    if (isLive) {
      // Something may have happened between the page's rendering and the subscription.
      this.refreshSoon();
      return;
    }
    const seconds = Number(this.getAttribute("poll")) || DEFAULT_POLL_S;
    this.pollTimer = window.setInterval(() => void this.refresh(), seconds * 1_000);
  }

  private refreshSoon(): void {
    window.clearTimeout(this.gatherTimer);
    this.isDue = true;
    this.gatherTimer = window.setTimeout(() => void this.refresh(), GATHER_MS);
  }

  /** Whether a person has begun to fill in a form of the region. */
  private isEdited(): boolean {
    const fields = this.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input:not([type=hidden]), textarea");
    return [...fields].some((field) =>
      field instanceof HTMLInputElement && (field.type === "checkbox" || field.type === "radio")
        ? field.checked !== field.defaultChecked
        : field.value !== field.defaultValue,
    );
  }

  private async refresh(): Promise<void> {
    const source = this.getAttribute("src");
    if (!source || this.isFetching || document.hidden) return;
    this.isBehind = this.isEdited();
    if (this.isBehind) return;
    this.isFetching = true;
    this.isDue = false;
    try {
      const { default: htmx } = await import("./htmx");
      await htmx.ajax("GET", source, { source: this, target: this, swap: "innerMorph" });
    } finally {
      this.isFetching = false;
    }
    if (this.querySelector("[data-live-done]")) this.disconnectedCallback();
    else if (this.isDue) this.refreshSoon();
  }
}

customElements.define("live-region", LiveRegion);
