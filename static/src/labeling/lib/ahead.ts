/**
 * Loads and decodes the media of tasks that wait, so that the next task is painted with the key press. The elements are
 * held while their task waits: an element on the page with the same address then has its picture at once.
 */
import type { Input } from "./inputs";
import type { Task } from "./sender";

type Loader = HTMLImageElement | HTMLMediaElement;

export class Ahead {
  private held = new Map<string, Loader[]>();

  constructor(private readonly inputs: readonly Input[]) {}

  /** These tasks wait; what belongs to others is let go. */
  keep(tasks: readonly Task[]): void {
    this.held = new Map(tasks.map((task, place) => [task.id, this.held.get(task.id) ?? this.load(task, place)]));
  }

  private load(task: Task, place: number): Loader[] {
    return this.inputs.flatMap(({ name, type }): Loader[] => {
      const url = (task.data[name] as { readonly url?: string } | undefined)?.url;
      if (!url) return [];
      if (type === "image") return [picture(url)];
      // Recordings are large: all of the next one, and how long the others are.
      return type === "audio" || type === "video" ? [recording(type, url, place < 2)] : [];
    });
  }
}

function picture(url: string): HTMLImageElement {
  const image = new Image();
  image.src = url;
  // The page says where a picture cannot be had, once it is to be shown.
  image.decode().catch(() => undefined);
  return image;
}

function recording(type: "audio" | "video", url: string, isNext: boolean): HTMLMediaElement {
  const element = document.createElement(type);
  element.preload = isNext ? "auto" : "metadata";
  element.src = url;
  return element;
}
