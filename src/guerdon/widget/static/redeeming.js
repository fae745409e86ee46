// One redemption in the dialog: confirm, send, and what became of it. Its key is made when the
// dialog opens, so however often it is sent it happens once.

// Guerdon did not refuse these: the same key is asked about again.
const UNSURE = new Set([408, 425, 429, 500, 502, 503, 504]);
const OPEN = new Set(["pending", "postponed", "recoverable-failure"]);

class Redeeming {
  key = randomKey();
  sent = false;
  lost = false;
  transaction = null;
  #first = null;
  #fields = {};
  #update = () => {};

  constructor(widget, item) {
    this.widget = widget;
    this.item = item;
    this.price = item.price;
    this.confirm();
  }

  get words() {
    return this.widget.words;
  }

  /** Nothing is in the air: the dialog may be forgotten when it closes. */
  get settled() {
    return !this.sent || this.transaction !== null;
  }

  confirm(notice) {
    const { words: w, item } = this;
    const rows = ["now", "cost", "after"].map((name) => [name, h("dd")]);
    const old = this.#fields;
    this.#fields = {};
    const note = h("p", { class: "note", role: "alert" }, notice ?? "");
    const go = h("button", { class: "main", part: "button" });
    const form = h(
      "form",
      { novalidate: true, onsubmit: (event) => this.#submit(event) },
      item.details && h("p", { class: "dim", dir: "auto" }, item.details),
      note,
      h("dl", {}, rows.map(([name, value]) => h("div", {}, h("dt", {}, w.say(name)), value))),
      item.rates && this.#conversion(),
      item.collectEmail && this.#field("email", "input", { type: "email", autocomplete: "email", maxlength: 320 }),
      item.collectAddress && this.#field("address", "textarea", { autocomplete: "street-address", rows: 3, maxlength: 2000 }),
      h("div", { class: "choice" }, this.#keep(w.say("keep")), go),
    );
    this.#update = () => {
      const { available } = this.widget.me;
      const cost = this.tokens;
      const [now, minus, after] = rows.map(([, value]) => value);
      now.textContent = w.number(available);
      minus.textContent = w.number(-cost);
      after.textContent = w.number(available - cost);
      go.textContent = w.say("confirm", { tokens: w.tokens(cost) });
      if (this.#fields.receive) this.#fields.receive.textContent = w.say("receive", { money: this.#money() });
    };
    for (const name of ["email", "address"])
      if (this.#fields[name]) this.#fields[name].value = old[name]?.value ?? this.widget.me[name] ?? "";
    for (const name of ["amount", "currency"])
      if (old[name] && this.#fields[name]?.value !== undefined) this.#fields[name].value = old[name].value;
    this.#update();
    this.widget.fill(w.say("redeemTitle", { title: item.title }), form);
  }

  /** What it costs as the form stands. */
  get tokens() {
    return this.item.rates ? Math.floor(Number(this.#fields.amount.value)) || 0 : this.price;
  }

  /** Hundredths: exact, as the server reckons. */
  #hundredths() {
    const { rate } = this.item.rates.find(({ currency }) => currency === this.#fields.currency.value);
    const [whole, part = ""] = rate.split(".");
    return Number((BigInt(this.tokens) * BigInt(whole + part) * 100n) / 10n ** BigInt(part.length));
  }

  #money(hundredths = this.#hundredths()) {
    return this.words.money(hundredths, this.#fields.currency.value);
  }

  #conversion() {
    const { item, words: w } = this;
    const start = Math.max(item.minTokens, Math.min(item.maxTokens, this.widget.me.available));
    const amount = this.#field("amount", "input", {
      type: "number",
      inputmode: "numeric",
      min: item.minTokens,
      max: item.maxTokens,
      value: start,
      oninput: () => this.#update(),
    });
    const chosen = item.rates.map(({ currency }) => h("option", {}, currency));
    const currency = this.#field("currency", "select", { onchange: () => this.#update() }, chosen);
    currency.hidden = item.rates.length < 2;
    this.#fields.receive = h("output", { class: "receive" });
    return [amount, h("p", { class: "dim" }, this.#range()), currency, this.#fields.receive];
  }

  #range() {
    const { minTokens, maxTokens } = this.item;
    return this.words.say("range", { n: maxTokens, min: this.words.number(minTokens) });
  }

  #field(name, tag, given, options = []) {
    const control = h(tag, { id: `f-${name}`, name, "aria-describedby": `e-${name}`, ...given }, options);
    const wrong = h("span", { class: "wrong", id: `e-${name}` });
    this.#fields[name] = control;
    return h("div", { class: "field" }, h("label", { for: control.id }, this.words.say(name)), control, wrong);
  }

  /** Marks what does not fit, and says so; answers whether anything was marked. */
  #mark(wrong) {
    let first;
    for (const name of ["amount", "currency", "email", "address"]) {
      const control = this.#fields[name];
      if (!control) continue;
      control.setAttribute("aria-invalid", name in wrong);
      control.nextSibling.textContent = wrong[name] ?? "";
      if (name in wrong) first ??= control;
    }
    first?.focus();
    return first !== undefined;
  }

  #submit(event) {
    event.preventDefault();
    if (this.sent) return;
    const { item, words: w } = this;
    const wrong = {};
    for (const name of ["email", "address"])
      if (this.#fields[name] && !this.#fields[name].value.trim()) wrong[name] = w.say("required");
    if (item.rates) {
      if (this.tokens < item.minTokens || this.tokens > item.maxTokens || !this.#hundredths()) wrong.amount = this.#range();
      else if (this.tokens > this.widget.me.available)
        wrong.amount = w.say("more", { n: this.tokens - this.widget.me.available });
    }
    if (this.#mark(wrong)) return;
    const body = { optionName: item.name };
    for (const name of ["email", "address"])
      if (this.#fields[name]) body[name] = this.#fields[name].value.trim();
    if (item.rates) {
      body.tokenAmount = this.tokens;
      body.currency = this.#fields.currency.value;
      this.paid = body.expectedCurrencyAmount = this.#hundredths();
    } else body.expectedPrice = this.price;
    this.#send(JSON.stringify(body));
  }

  async #send(body) {
    this.sent = true;
    this.cost = this.tokens;
    this.#first ??= body;
    this.widget.fill(this.words.say("sending"), h("p", { class: "wait" }, icon("pending")));
    for (let wait = 1000; !this.transaction; wait = Math.min(wait * 2, 15_000)) {
      try {
        this.accepted(await this.widget.server.call("POST", "redemptions", { body, key: this.key }));
      } catch (trouble) {
        if (trouble.code === "idempotency-key-reused" && body !== this.#first) {
          body = this.#first; // what was sent first did arrive: its answer is the answer
          continue;
        }
        const known = trouble instanceof Refused && (!UNSURE.has(trouble.status) || trouble.code === "provider-unavailable");
        if (known && !(this.lost && trouble.status === 401)) return this.#refused(trouble);
        if (!this.lost) this.#lost();
        await pause((trouble.problem?.retryAfter ?? 0) * 1000 || wait);
      }
    }
  }

  #lost() {
    this.lost = true;
    const { words: w } = this;
    this.widget.fill(w.say("lost"), h("p", {}, w.say("lostAbout")), h("p", { class: "wait" }, icon("pending")), this.#done());
  }

  #refused(trouble) {
    // One that may have arrived stays in mind; one that was plainly refused never did.
    if (!this.lost) this.#first = null;
    this.sent = this.lost = false;
    const { words: w, item } = this;
    const { problem, code } = trouble;
    this.widget.tell("error", { code, status: trouble.status });
    if (code === "price-changed") return this.#dearer(problem);
    const pointers = (problem.errors ?? []).map(({ pointer }) => pointer.slice(1));
    if (pointers.some((name) => name in this.#fields)) {
      this.confirm();
      return this.#mark(Object.fromEntries(pointers.map((name) => [name, w.say("required")])));
    }
    const reason = code === "insufficient-tokens" ? w.say("short") : why(w, { code, reason: "member" });
    const again = trouble.status === 401 && h("button", { class: "main", onclick: () => this.confirm() }, w.say("again"));
    this.widget.fill(w.say("notRedeemed"), h("p", {}, reason), h("div", { class: "choice" }, this.#done(), again));
    this.widget.refresh();
  }

  async #dearer({ price, currencyAmount }) {
    const { words: w } = this;
    let notice;
    if (price !== undefined) {
      notice = w.say("priceChanged", { old: w.tokens(this.price), new: w.tokens(price) });
      this.price = price;
    } else notice = w.say("amountChanged", { old: this.#money(this.paid), new: this.#money(currencyAmount) });
    await this.widget.refresh();
    this.item = this.widget.items.find(({ name }) => name === this.item.name) ?? this.item;
    this.confirm(notice);
  }

  accepted(transaction) {
    this.widget.tell("redeemed", transaction);
    this.transaction = transaction;
    this.widget.note(transaction);
    this.result(this.widget.known.get(transaction.id));
    this.#watch();
  }

  /** What became of it. A failure alone says that tokens are back. */
  result(t) {
    const { words: w, item } = this;
    if (this.transaction.status === t.status && this.shown) return;
    this.transaction = t;
    this.shown = true;
    const tokens = w.tokens(t.price);
    const link = t.status === "success" && item.onCompletionRedirect;
    const again = t.status === "failure" && item.redeemable;
    this.widget.fill(
      h("span", { class: `s ${t.status}` }, icon(t.status), w.say(`h.${t.status}`)),
      h("p", { dir: "auto" }, item.title),
      h("p", { role: "status" }, w.say(`r.${t.status}`, { tokens })),
      h("div", { class: "choice" }, this.#done(), again && h("button", { class: "main", onclick: () => this.widget.ask(item) }, w.say("again")), link && h("button", { class: "main", onclick: () => this.#leave(link) }, w.say("continue"))),
    );
  }

  #leave(link) {
    const url = safeUrl(link, location.href);
    if (url && this.widget.tell("redirect", { url }, true)) location.assign(url);
  }

  /** Asks by itself where no stream tells. */
  async #watch() {
    for (let wait = 1000; OPEN.has(this.transaction.status); wait = Math.min(wait * 2, 30_000)) {
      await pause(wait);
      if (this.widget.redeeming !== this || this.widget.live) continue;
      try {
        this.widget.note(await this.widget.server.call("GET", `transactions/${this.transaction.id}`));
      } catch (trouble) {
        if (trouble instanceof Refused) return;
      }
    }
  }

  /** The balance moved while the question stands. */
  moved() {
    if (!this.sent) this.#update();
  }

  #keep(text) {
    return h("button", { type: "button", onclick: () => this.widget.dialog.close() }, text);
  }

  #done() {
    return this.#keep(this.words.say("close"));
  }
}
