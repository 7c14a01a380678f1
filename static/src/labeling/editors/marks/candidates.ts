/** What ranking and preference compare: an input of type `candidates`. */

export interface Candidate {
  readonly key: string;
  readonly text: string;
}

/** The candidates of an input's value; none where the task has none. */
export function candidatesOf(value: unknown): readonly Candidate[] {
  return Array.isArray(value) ? (value as readonly Candidate[]) : [];
}
