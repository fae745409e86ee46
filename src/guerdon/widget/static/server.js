// Talking with Guerdon: the member's token, requests, and the live stream.

/** The answer is no, and `code` says why; or no whole answer came, and nobody here knows. */
class Trouble extends Error {
  constructor(code, status = 0, problem = null) {
    super(code);
    Object.assign(this, { code, status, problem });
  }
}

const ANSWERS_WITHIN = 20_000;
const RENEWED_BEFORE = 30;

class Server {
  source = null;
  endpoint = "";
  lang = "";
  /** Whom the token speaks for, by its own word; `onmember` is called when that is another. */
  member = null;
  onmember = null;
  #bearer = null;
  #renewAt = 0;
  #asking = null;

  /** The host set another token, or a way to get one. */
  set token(source) {
    this.source = source;
    this.#bearer = null;
  }

  /** The token, asked for at the start, before it expires, and after a 401. It stays in memory. */
  bearer(reason) {
    if (!reason && this.#bearer && performance.now() < this.#renewAt) return this.#bearer;
    const why = reason || (this.#bearer ? "expiring" : "start");
    this.#asking ??= this.#ask(why).finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask(reason) {
    let text;
    try {
      text = typeof this.source === "function" ? await this.source({ reason }) : this.source;
    } catch {
      if (!navigator.onLine) throw new Trouble("offline");
    }
    if (!text) throw new Trouble("unauthenticated", 401, {});
    this.#bearer = text.trim();
    const { sub, exp, iat = Date.now() / 1000 } = claimsOf(this.#bearer);
    // By its own two times, so that a wrong clock here is none.
    this.#renewAt = performance.now() + (exp - iat - RENEWED_BEFORE) * 1000;
    const before = this.member;
    this.member = sub;
    if (before && before !== sub) this.onmember();
    return this.#bearer;
  }

  /** The JSON of an answer, for the `member` it was meant for. Throws `Trouble`. */
  async call(method, path, { body, key, signal, streams, member } = {}, again = false) {
    const bearer = await this.bearer(again && "unauthenticated");
    member ??= this.member;
    const stranger = () => {
      if (member !== this.member) throw new Trouble("unauthenticated", 401, {});
    };
    stranger();
    const headers = { Authorization: `Bearer ${bearer}`, "Accept-Language": this.lang };
    if (body) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    let answer, said;
    try {
      answer = await fetch(`${this.endpoint}/widget/v1/${path}`, {
        method,
        body,
        headers,
        credentials: "omit",
        signal: signal ?? AbortSignal.timeout(ANSWERS_WITHIN),
      });
      if (answer.ok && streams) return answer;
      said = await answer.json();
    } catch (trouble) {
      if (signal?.aborted) throw trouble;
      throw new Trouble("offline");
    }
    stranger();
    if (answer.status === 401 && !again)
      return this.call(method, path, { body, key, signal, streams, member }, true);
    if (!answer.ok) throw new Trouble(said.code, answer.status, said);
    return said;
  }

  /** Tells of balance and transactions until the stream ends. */
  async listen(signal, tell) {
    const answer = await this.call("GET", "stream", { signal, streams: true });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const found = /^event: (\w+)\ndata: (.*)$/.exec(frame);
        if (found) tell(found[1], JSON.parse(found[2]));
      }
    }
  }
}

/** What a token says, for planning only: the server alone judges it. */
const claimsOf = (token) => {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  } catch {
    return { exp: Infinity };
  }
};
