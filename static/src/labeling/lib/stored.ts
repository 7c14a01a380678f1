/**
 * Values in the browser's own storage, each under a key of its own: two tabs on one order never overwrite each other's.
 * Private windows may refuse; the values then live as long as the page.
 */
export class Stored<T> {
  private readonly here = new Map<string, T>();

  constructor(
    private readonly prefix: string,
    private readonly storage: () => Storage = () => localStorage,
  ) {}

  get(id: string): T | undefined {
    return this.read(`${this.prefix}.${id}`) ?? this.here.get(id);
  }

  keep(id: string, value: T): void {
    this.here.set(id, value);
    try {
      this.storage().setItem(`${this.prefix}.${id}`, JSON.stringify(value));
    } catch {
      // It is in the page.
    }
  }

  drop(id: string): void {
    this.here.delete(id);
    try {
      this.storage().removeItem(`${this.prefix}.${id}`);
    } catch {
      // It was in the page alone.
    }
  }

  /** All that is stored, of other tabs too. */
  all(): T[] {
    try {
      const keys = Object.keys(this.storage()).filter((key) => key.startsWith(`${this.prefix}.`));
      return keys.map((key) => this.read(key)).filter((value) => value !== undefined);
    } catch {
      return [...this.here.values()];
    }
  }

  private read(key: string): T | undefined {
    try {
      return (JSON.parse(this.storage().getItem(key) ?? "null") as T | null) ?? undefined;
    } catch {
      return undefined;
    }
  }
}
