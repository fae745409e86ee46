// One redemption in the dialog: confirm, send, and what became of it. Its key is made when the
// dialog opens, so however often it is sent it happens once.

class Redeeming {
  key = randomKey();
  sent = false;
  lost = false;
  transaction = null;
  #first = null;
  #fields = {};
  #receive;
  #update;

  constructor(widget, item) {
    this.widget = widget;
    this.item = item;
    this.member = widget.server.member;
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
    const { item, words: w } = this;
    const old = this.#fields;
    this.#fields = {};
    const sums = [0, 0, 0].map(() => h("span"));
    const go = button("", null, { class: "main", part: "button", type: "submit" });
    const form = h(
      "form",
      { novalidate: true, onsubmit: (event) => this.#submit(event) },
      item.details && told("p", item, "details", { class: "dim" }),
      notice && h("p", { class: "note", role: "alert" }, notice),
      pairs(["now", "cost", "after"].map((name, n) => [w.say(name), sums[n]])),
      item.rates && this.#conversion(),
      item.collectEmail && this.#field("email", "input", { type: "email", autocomplete: "email", maxlength: 320 }),
      item.collectAddress && this.#field("address", "textarea", { autocomplete: "street-address", rows: 3, maxlength: 2000 }),
      choice(this.#leave("keep"), go),
    );
    this.#update = () => {
      const { available } = this.widget.me;
      const cost = this.tokens;
      [available, -cost, available - cost].forEach((value, n) => (sums[n].textContent = w.number(value)));
      go.textContent = w.say("confirm", { tokens: w.tokens(cost) });
      if (item.rates) this.#receive.textContent = w.say("receive", { money: this.#money() });
    };
    for (const [name, control] of Object.entries(this.#fields)) control.value = old[name]?.value ?? this.widget.me[name] ?? control.value;
    this.#update();
    const [before, after] = w.say("redeemTitle", { title: "\n" }).split("\n");
    this.widget.fill([before, told("span", item, "title"), after], form);
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
    this.#receive = h("output", { class: "receive" });
    return [amount, h("p", { class: "dim" }, cost(w, item)), currency, this.#receive];
  }

  #field(name, tag, given, options = []) {
    const control = h(tag, { id: `f-${name}`, name, "aria-describedby": `e-${name}`, ...given }, options);
    const wrong = h("span", { class: "wrong", id: `e-${name}` });
    this.#fields[name] = control;
    return h("div", {}, h("label", { for: control.id }, this.words.say(name)), control, wrong);
  }

  /** Marks what does not fit, and says so; answers whether anything was marked. */
  #mark(wrong) {
    const [first] = Object.entries(this.#fields).filter(([name, control]) => {
      control.ariaInvalid = name in wrong;
      control.nextSibling.textContent = wrong[name] ?? "";
      return name in wrong;
    });
    first?.[1].focus();
    return first;
  }

  #submit(event) {
    event.preventDefault();
    if (this.sent) return;
    const { item, words: w } = this;
    const wrong = {};
    for (const name of ["email", "address"])
      if (this.#fields[name] && !this.#fields[name].value.trim()) wrong[name] = w.say("required");
    if (item.rates) {
      if (this.tokens < item.minTokens || this.tokens > item.maxTokens || !this.#hundredths()) wrong.amount = cost(w, item);
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
    this.#first ??= body;
    this.#waits("sending");
    let made;
    for (let wait = 1000; !made && this.widget.redeeming === this; wait = Math.min(wait * 2, 15_000)) {
      try {
        made = await this.widget.server.call("POST", "redemptions", { body, key: this.key, member: this.member });
      } catch (trouble) {
        const { code, status, problem } = trouble;
        if (code === "idempotency-key-reused" && body !== this.#first) {
          body = this.#first; // what was sent first did arrive: its answer is the answer
          continue;
        }
        // Only a plain no ends the asking.
        const no = problem && ((status < 500 && status !== 429) || code === "provider-unavailable");
        if (no && !(this.lost && status === 401)) return this.#refused(trouble);
        if (!this.lost) this.#waits("lost", this.words.say("lostAbout"));
        this.lost = true;
        await pause(problem?.retryAfter * 1000 || wait);
      }
    }
    if (!made) return; // somebody else is signed in now
    this.transaction = made;
    this.widget.tell("redeemed", made);
    this.widget.note(made);
    this.result(this.widget.known.get(made.id));
    this.#watch();
  }

  #waits(title, about = "") {
    const turning = h("p", { class: "wait" }, icon("pending"));
    this.widget.fill(this.words.say(title), h("p", {}, about), turning, this.#leave("close"));
  }

  #refused(trouble) {
    // One that may have arrived stays in mind; one that was plainly refused never did.
    if (!this.lost) this.#first = null;
    this.sent = this.lost = false;
    const { words: w } = this;
    const { problem, code, status } = trouble;
    this.widget.oops(trouble);
    if (code === "price-changed") return this.#dearer(problem);
    const reason = code === "insufficient-tokens" ? w.say("short") : why(w, { code, reason: "member" });
    const again = status === 401 && button(w.say("again"), () => this.confirm(), "main");
    this.widget.fill(w.say("notRedeemed"), h("p", {}, reason), choice(this.#leave("close"), again));
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

  /** What became of it. A failure alone says that tokens are back. */
  result(t) {
    const { item, words: w } = this;
    this.transaction = t;
    const link = t.status === "success" && item.onCompletionRedirect;
    const next = link
      ? button(w.say("continue"), () => this.#follow(link), "main")
      : t.status === "failure" && item.redeemable && button(w.say("again"), () => this.widget.ask(item), "main");
    this.widget.fill(
      [h("span", { class: `s ${t.status}` }, icon(t.status)), " ", told("span", item, "title")],
      h("p", { role: "status" }, w.say(`r.${t.status}`, { tokens: w.tokens(t.price) })),
      choice(this.#leave("close"), next),
    );
  }

  #follow(link) {
    const url = safeUrl(link, location.href);
    if (url && this.widget.tell("redirect", { url }, true)) location.assign(url);
  }

  /** Asks by itself where no stream tells. */
  async #watch() {
    for (let wait = 1000; this.transaction.tokens === "held" && this.widget.redeeming === this; wait = Math.min(wait * 2, 30_000)) {
      await pause(wait);
      if (this.widget.live) continue;
      try {
        this.widget.note(await this.widget.server.call("GET", `transactions/${this.transaction.id}`));
      } catch (trouble) {
        if (trouble.problem) return;
      }
    }
  }

  /** The balance moved while the question stands. */
  moved() {
    if (!this.sent) this.#update();
  }

  #leave(words) {
    return button(this.words.say(words), () => this.widget.dialog.close());
  }
}
