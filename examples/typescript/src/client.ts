// A typed client of the Oarlock catalog. Every path, parameter and answer comes
// from the server's OpenAPI description: schema.ts is generated, and this file
// adds only what a program wants besides: problems as errors, and paging.
import createClient, { type Client } from "openapi-fetch";
import type { paths, Problem, Row } from "./schema.js";

export type { Detail, Page, Problem, Resolution, Row, Why } from "./schema.js";
export type Catalog = Client<paths>;

// CatalogError is a refusal by the server: a stable code, a sentence, and what to do.
export class CatalogError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = "CatalogError";
  }
}

// connect makes a client of the catalog at url; a token is for what needs a login.
export function connect(url: string, token?: string): Catalog {
  return createClient<paths>({
    baseUrl: url.replace(/\/+$/, ""),
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  });
}

// expect gives the data of an answer, or throws its problem.
export function expect<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data !== undefined) {
    return answer.data;
  }
  const problem = answer.error as Partial<Problem> | undefined;
  throw new CatalogError({
    type: "about:blank", title: answer.response.statusText, status: answer.response.status,
    detail: `HTTP ${answer.response.status}, not an answer of a catalog`, code: "unknown", ...problem,
  });
}

type Question = NonNullable<paths["/api/v1/plugins"]["get"]["parameters"]["query"]>;

// plugins gives every plugin that fits, page by page, all from one generation.
export async function* plugins(catalog: Catalog, question: Question): AsyncGenerator<Row> {
  for (let cursor = question.cursor; ; ) {
    const page = expect(await catalog.GET("/api/v1/plugins", { params: { query: { ...question, cursor } } }));
    yield* page.items ?? [];
    if (!page.next_cursor) {
      return;
    }
    cursor = page.next_cursor;
  }
}
