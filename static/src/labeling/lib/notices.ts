/** What the player says beside the task, besides the errors of calls. */

export const SIGNED_OUT = "You are signed out. Your answers are kept here: sign in and open this page again.";

/** What the requester did to an order, in words for its annotators. */
const WORDS: Readonly<Record<string, string>> = {
  paused: "The requester has paused this order. What you hold is still taken and paid.",
  running: "The order goes on.",
};

/** '' where a notice says nothing about this order. */
export function noticeInWords(notice: unknown, orderId: string): string {
  const { order_id, state } = (notice ?? {}) as { order_id?: string; state?: string };
  return order_id === orderId ? (WORDS[state ?? ""] ?? "") : "";
}
