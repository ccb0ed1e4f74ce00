// One question and its answer: what both kinds of polling are made of.

/** An answer that is no answer: the status and the problem that the server named (RFC 9457). */
export class Refused extends Error {
  constructor(status, problem) {
    super(`${status} ${problem.title ?? "refused"}${problem.detail ? `: ${problem.detail}` : ""}`);
    this.status = status;
    this.problem = problem;
  }
}

/** Asks for a batch; one without messages is the empty answer, 204. */
export async function ask(path, query, signal) {
  const answer = await fetch(`${path}?${new URLSearchParams(query)}`, { signal, cache: "no-store" });
  if (answer.status === 204) return { messages: [], next: query.after };
  if (answer.ok) return answer.json();
  throw new Refused(answer.status, await answer.json().catch(() => ({})));
}

/** Why asking failed, as whoever listens wants to be told. */
export function ending(error) {
  if (error instanceof Refused) {
    return { why: error.message, gone: error.status === 410 ? error.problem : null };
  }
  return { why: "the request failed: nobody answers there", gone: null };
}
