/**
 * `<team-canvas>`: the picture of a team. The server draws it and its nodes are links; this adds zooming by buttons, Ctrl
 * with + and -, and the wheel, panning by the mouse, and arrow keys from node to node. Fingers pan as in any scrolled region.
 */
const STEP = 1.25;
const LEAST = 0.3;
const MOST = 3;

class TeamCanvas extends HTMLElement {
  private readonly gone = new AbortController();
  private readonly watch = new MutationObserver(() => this.zoom(this.scale));
  private scale = 1;

  connectedCallback(): void {
    const options = { signal: this.gone.signal };
    const tools = this.querySelector<HTMLElement>("[data-tools]");
    if (tools) tools.hidden = false;
    this.addEventListener("click", (event) => this.pressed(event), options);
    this.addEventListener("keydown", (event) => this.keyed(event), options);
    this.addEventListener("wheel", (event) => this.wheeled(event), { ...options, passive: false });
    this.addEventListener("pointerdown", (event) => this.grabbed(event), options);
    // A live page writes the server's picture over this one: it is shown as large as before.
    this.watch.observe(this, { subtree: true, attributes: true, attributeFilter: ["width"] });
    this.dataset["ready"] = "";
  }

  disconnectedCallback(): void {
    this.gone.abort();
    this.watch.disconnect();
  }

  private get view(): HTMLElement | null {
    return this.querySelector<HTMLElement>("[data-view]");
  }

  private pressed(event: Event): void {
    const how = (event.target as Element).closest<HTMLElement>("[data-zoom]")?.dataset["zoom"];
    if (how === "in") this.zoom(this.scale * STEP);
    if (how === "out") this.zoom(this.scale / STEP);
    if (how === "fit") this.fit();
  }

  private zoom(scale: number): void {
    const drawing = this.querySelector("svg");
    const size = drawing?.viewBox.baseVal;
    if (!drawing || !size) return;
    this.scale = Math.min(MOST, Math.max(LEAST, scale));
    const width = String(Math.round(size.width * this.scale));
    if (drawing.getAttribute("width") === width) return;
    drawing.setAttribute("width", width);
    drawing.setAttribute("height", String(Math.round(size.height * this.scale)));
  }

  private fit(): void {
    const size = this.querySelector("svg")?.viewBox.baseVal;
    if (size && this.view) this.zoom(Math.min(1, this.view.clientWidth / size.width));
  }

  private wheeled(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? this.scale * STEP : this.scale / STEP);
  }

  /** The mouse drags the view; the same is done by scrolling. */
  private grabbed(event: PointerEvent): void {
    const view = this.view;
    const target = event.target as Element;
    if (!view || event.pointerType !== "mouse" || event.button !== 0 || target.closest("a, button")) return;
    const [x, y] = [view.scrollLeft + event.clientX, view.scrollTop + event.clientY];
    const ended = new AbortController();
    const move = (to: PointerEvent): void => view.scrollTo(x - to.clientX, y - to.clientY);
    window.addEventListener("pointermove", move, { signal: ended.signal });
    window.addEventListener("pointerup", () => ended.abort(), { signal: ended.signal });
  }

  private keyed(event: KeyboardEvent): void {
    if (event.key === "+" || event.key === "-") {
      if (event.ctrlKey || event.metaKey) return; // the browser's own zoom
      this.zoom(event.key === "+" ? this.scale * STEP : this.scale / STEP);
      return;
    }
    const node = (event.target as Element).closest<SVGAElement>("[data-node]");
    const next = node && this.neighbour(node, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Right follows a connection, left goes back along one, up and down stay in the column. */
  private neighbour(node: SVGAElement, key: string): SVGAElement | undefined {
    const all = [...this.querySelectorAll<SVGAElement>("[data-node]")];
    const name = node.dataset["node"] ?? "";
    const ahead = (node.dataset["ahead"] ?? "").split(" ");
    if (key === "ArrowRight") return all.find((other) => ahead.includes(other.dataset["node"] ?? ""));
    if (key === "ArrowLeft") return all.find((other) => (other.dataset["ahead"] ?? "").split(" ").includes(name));
    if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
    const at = (one: SVGAElement, side: "x" | "y"): number => Number(one.querySelector("rect")?.getAttribute(side));
    const column = all.filter((other) => at(other, "x") === at(node, "x")).sort((a, b) => at(a, "y") - at(b, "y"));
    return column[column.indexOf(node) + (key === "ArrowUp" ? -1 : 1)];
  }
}

customElements.define("team-canvas", TeamCanvas);
