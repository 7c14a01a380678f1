/**
 * The widget on other people's pages: a button, and the agent's chat in a frame of our origin.
 *
 * `<script src="https://…/widget.js" data-agent="slug" async></script>`. It runs in a page that is not ours: it imports
 * nothing, leaves no global behind, keeps its elements in a shadow root and sets styles by properties, so that it works
 * under the page's own content security policy.
 */
(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement)) return;
  const slug = script.dataset["agent"] ?? "";
  const origin = new URL(script.src).origin;
  const label = script.dataset["label"] ?? "Ask us";
  if (!/^[-\w]+$/.test(slug)) return;

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  const panel = document.createElement("div");
  let frame: HTMLIFrameElement | undefined;

  button.type = "button";
  button.textContent = label;
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-haspopup", "dialog");
  Object.assign(button.style, {
    position: "fixed",
    right: "16px",
    bottom: "16px",
    zIndex: "2147483000",
    minWidth: "44px",
    minHeight: "44px",
    padding: "10px 18px",
    border: "1px solid #ffffff",
    borderRadius: "24px",
    background: "#1f4d3a",
    color: "#ffffff",
    font: "600 16px/1.3 system-ui, sans-serif",
    cursor: "pointer",
  });
  panel.hidden = true;
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", label);
  Object.assign(panel.style, {
    position: "fixed",
    right: "max(0px, min(16px, 100vw - 410px))",
    bottom: "76px",
    zIndex: "2147483000",
    width: "min(100vw, 400px)",
    height: "min(620px, 100dvh - 92px)",
    border: "1px solid #8a8a8a",
    borderRadius: "12px",
    overflow: "hidden",
    colorScheme: "light dark",
  });

  const setOpen = (isOpen: boolean): void => {
    if (isOpen && !frame) {
      frame = document.createElement("iframe");
      frame.src = `${origin}/a/${slug}/embed/`;
      frame.title = label;
      frame.referrerPolicy = "origin";
      Object.assign(frame.style, { width: "100%", height: "100%", border: "0" });
      panel.append(frame);
    }
    panel.hidden = !isOpen;
    panel.style.display = isOpen ? "block" : "none";
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) frame?.focus();
    else button.focus();
  };

  button.addEventListener("click", () => setOpen(panel.hidden === true));
  root.addEventListener("keydown", (event) => {
    if (event instanceof KeyboardEvent && event.key === "Escape" && !panel.hidden) setOpen(false);
  });
  window.addEventListener("message", (event) => {
    if (event.origin === origin && event.source === frame?.contentWindow && event.data === "sahara:close") setOpen(false);
  });
  root.append(button, panel);
  const add = (): void => void document.body.append(host);
  if (document.body) add();
  else document.addEventListener("DOMContentLoaded", add, { once: true });
})();
