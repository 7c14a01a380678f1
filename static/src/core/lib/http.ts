/** Same-origin JSON calls to the platform's API, with CSRF token, `Idempotency-Key` and problem+json errors. */

/** An answer outside 2xx. `code` and `detail` come from the problem+json body where there is one. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly body: Readonly<Record<string, unknown>>,
  ) {
    super(detail);
  }
}

/** The page's CSRF token, from the `hx-headers:inherited` attribute of the body. */
export function csrfToken(): string {
  const headers: unknown = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
  return String((headers as Record<string, unknown>)["X-CSRFToken"] ?? "");
}

/** Read the data a template wrote with `{{ value|json_script:"id" }}`. */
export function pageData<T>(id: string): T {
  const element = document.getElementById(id);
  if (!element?.textContent) throw new Error(`the page has no data #${id}`);
  return JSON.parse(element.textContent) as T;
}

export interface RequestOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Pass the same key again when you repeat a call whose answer you did not see. Default: a fresh one. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** Call the API. Resolves with the decoded body (undefined for 204), throws `Problem` for 4xx and 5xx. */
export async function api<T>(url: string, options: RequestOptions = {}): Promise<T> {
  const method = options.method ?? "GET";
  const headers = new Headers({ Accept: "application/json" });
  if (method !== "GET") {
    headers.set("X-CSRFToken", csrfToken());
    headers.set("Idempotency-Key", options.idempotencyKey ?? crypto.randomUUID());
  }
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.json !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = JSON.stringify(options.json);
  }
  if (options.signal) init.signal = options.signal;
  const response = await fetch(url, init);
  if (response.status === 204) return undefined as T;
  const body: unknown = await response.json().catch(() => ({}));
  if (response.ok) return body as T;
  const problem = body as Record<string, unknown>;
  throw new Problem(
    response.status,
    String(problem["code"] ?? "http_error"),
    String(problem["detail"] ?? problem["title"] ?? `The server answered ${response.status}.`),
    problem,
  );
}
