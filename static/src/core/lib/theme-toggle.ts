/** `<theme-toggle>`: one button that goes through system, light, dark. The choice is kept in localStorage. */
const THEMES = ["system", "sahara", "sahara-dark"] as const;
type Theme = (typeof THEMES)[number];

const NAMES: Readonly<Record<Theme, string>> = { system: "system", sahara: "light", "sahara-dark": "dark" };

class ThemeToggle extends HTMLElement {
  connectedCallback(): void {
    const button = this.querySelector("button");
    if (!button) return;
    this.hidden = false;
    this.show(button, this.current());
    button.addEventListener("click", () => {
      const next = THEMES[(THEMES.indexOf(this.current()) + 1) % THEMES.length] ?? "system";
      this.apply(next);
      this.show(button, next);
    });
  }

  private current(): Theme {
    const set = document.documentElement.dataset["theme"];
    return set === "sahara" || set === "sahara-dark" ? set : "system";
  }

  private apply(theme: Theme): void {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    try {
      if (theme === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // Storage is blocked: the choice lasts for this page.
    }
  }

  private show(button: HTMLButtonElement, theme: Theme): void {
    button.setAttribute("aria-label", `Theme: ${NAMES[theme]}. Change`);
    for (const icon of this.querySelectorAll<HTMLElement>("[data-theme-icon]")) {
      icon.hidden = icon.dataset["themeIcon"] !== theme;
    }
  }
}

customElements.define("theme-toggle", ThemeToggle);
