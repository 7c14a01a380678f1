/** Small parts that the editors of marks share. */
import { keyCap, make } from "../editor";

/** A button that does something; `name` is what a screen reader says where the text alone does not tell. */
export function button(classes: string, text: string, name: string, act: () => void): HTMLButtonElement {
  const made = make("button", classes, text, { type: "button", ...(name ? { "aria-label": name } : {}) });
  made.addEventListener("click", act);
  return made;
}

/** A button with its key beside its name. */
export function keyed(classes: string, text: string, key: string, act: () => void): HTMLButtonElement {
  const made = button(classes, `${text} `, "", act);
  if (key) made.append(keyCap(key));
  return made;
}

/** Sets an attribute, or removes it where there is no value; leaves the page alone where nothing changes. */
export function set(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
