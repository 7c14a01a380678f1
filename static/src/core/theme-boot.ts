// Loaded as a classic script before the first paint, so that a chosen theme never flashes. Without a choice nothing is
// set and the style sheet follows the system.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "sahara" || chosen === "sahara-dark") document.documentElement.dataset["theme"] = chosen;
  } catch {
    // Storage is blocked: the system's preference applies.
  }
})();
