/** Shows a task's inputs, as `templates/labeling/input.html` does for the first one. */
import { make } from "../editors/editor";

export interface Input {
  readonly name: string;
  readonly type: string;
  readonly title: string;
}

interface Media {
  readonly url?: string;
  readonly width?: number;
  readonly height?: number;
}

interface Candidate {
  readonly key: string;
  readonly text: string;
}

interface Turn {
  readonly role: string;
  readonly content: string;
}

/** Put an input's value into its place, in place of the one before. */
export function showInput(place: HTMLElement, input: Input, value: unknown): void {
  const title = input.title || `The ${input.type}`;
  switch (input.type) {
    case "image":
      place.replaceChildren(image(value as Media, title));
      break;
    case "audio":
    case "video":
      place.replaceChildren(player(input.type, value as Media, title));
      break;
    case "candidates":
      place.replaceChildren(...(value as Candidate[]).map((one) => block(one.key, one.text)));
      break;
    case "dialogue":
      place.replaceChildren(...(value as Turn[]).map((one) => block(one.role, one.content)));
      break;
    default:
      showText(place, String(value ?? ""));
  }
}

function showText(place: HTMLElement, text: string): void {
  const paragraph = place.firstElementChild;
  if (paragraph instanceof HTMLParagraphElement) paragraph.textContent = text;
  else place.replaceChildren(make("p", "text-lg whitespace-pre-wrap", text));
}

function image(media: Media, title: string): HTMLElement {
  const element = make("img", "max-h-[60vh] w-auto max-w-full", "", { src: media.url ?? "", alt: title });
  if (media.width && media.height) {
    element.width = media.width;
    element.height = media.height;
  }
  return element;
}

function player(type: "audio" | "video", media: Media, title: string): HTMLElement {
  const element = make(type, "max-h-[60vh] w-full", "", { src: media.url ?? "", "aria-label": title, preload: "auto" });
  element.controls = true;
  return element;
}

function block(name: string, text: string): HTMLElement {
  const section = make("div", "w-full border-l-4 border-base-300 py-1 pl-3");
  section.append(make("p", "text-quiet text-sm", name), make("p", "whitespace-pre-wrap", text));
  return section;
}
