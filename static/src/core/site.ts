import "./site.css";
import "./lib/confirm-dialog";
import "./lib/copy-button";
import "./lib/live-region";
import "./lib/theme-toggle";

/** htmx is heavier than all the rest together: a page without its attributes does without it. */
async function start(): Promise<void> {
  if (document.querySelector("[hx-get], [hx-post], live-region")) await import("./lib/htmx");
  document.documentElement.dataset["ready"] = "";
}

void start();
