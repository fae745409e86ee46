// The element: it owns what is known, the dialog and the stream, and paints.

const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);

class GuerdonWidget extends HTMLElement {
  static observedAttributes = ["endpoint", "lang", "view", "group", "compact"];

  server = new Server();
  words = null;
  me = null;
  items = null;
  redeeming = null;
  live = false;
  returnTo = null;
  /** Every transaction heard of, by ID, as it stood last. */
  known = new Map();

  #strings;
  #past = null;
  #cursor = null;
  #unfolded = false;
  #trouble = null;
  #view = "rewards";
  #opened = new Set();
  #ready = false;
  #stop = null;
  #stream = null;
  #first = null;
  #reading = null;
  #again = false;

  #root = h("section", { class: "root skin", part: "root" });
  #balance = h("div", { class: "balance", part: "balance" });
  #tabs = h("div", { class: "tabs", role: "tablist" });
  #panel = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: 0 });
  #said = h("p", { class: "unseen", role: "status" });
  #over = h("dialog", { class: "over skin" });
  dialog = h("dialog", { class: "ask skin", part: "dialog", "aria-labelledby": "asked", onclose: () => this.#closed() });

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [sheet];
    this.#root.append(h("slot", { name: "header" }), this.#balance, this.#tabs, this.#panel, h("slot", { name: "footer" }), this.#said);
    shadow.append(this.#root, this.dialog, this.#over);
  }

  // for the host -----------------------------------------------------------------------------

  get token() {
    return this.server.source;
  }

  /** A token, or (better) a function that fetches one: `async ({reason}) => "eyJ…"`. */
  set token(source) {
    this.server.token = source;
    if (this.words) this.refresh();
    else if (this.isConnected) this.#load();
  }

  get strings() {
    return this.#strings;
  }

  /** The host's own words, in place of ours. */
  set strings(table) {
    this.#strings = table;
    if (this.isConnected) this.#load();
  }

  /** Reads everything anew. */
  async refresh() {
    if (!this.words || !this.server.source) return;
    this.#again = true;
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    await this.#reading;
  }

  /** Turns to `rewards`, `history`, or one option by its name. */
  show(view) {
    this.#view = view || "rewards";
    if (this.#view === "history" && this.words) this.#readPast();
    this.paint();
  }

  /** Over the page, as a dialog; `close` puts it back. */
  open() {
    const label = this.words?.say("close") ?? "×";
    this.#over.replaceChildren(h("button", { class: "x", "aria-label": label, onclick: () => this.close() }, "×"), this.#root);
    this.#over.onclose = () => this.shadowRoot.prepend(this.#root);
    this.#over.setAttribute("aria-label", this.words?.say("rewards") ?? "");
    this.#over.showModal();
  }

  close() {
    this.#over.close();
  }

  // life -------------------------------------------------------------------------------------

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const seen = () => (document.hidden ? this.#stream?.abort() : this.refresh());
    document.addEventListener("visibilitychange", seen, { signal });
    addEventListener("online", seen, { signal });
    addEventListener("focus", () => this.live || this.refresh(), { signal });
    this.#view = this.getAttribute("view") || "rewards";
    this.#skeleton();
    for (const name of ["token", "strings"]) {
      if (!Object.hasOwn(this, name)) continue;
      const given = this[name]; // set before this script was there
      delete this[name];
      this[name] = given;
    }
    this.#load();
  }

  disconnectedCallback() {
    this.#stop.abort();
    this.#stream?.abort();
  }

  attributeChangedCallback(name, was, is) {
    if (!this.#stop || was === is) return;
    if (name === "view") this.show(is);
    else if (name === "lang" || name === "endpoint") this.#load();
    else this.paint();
  }

  /** Words and data come side by side. */
  async #load() {
    this.server.endpoint = (this.getAttribute("endpoint") || HOME).replace(/\/$/, "");
    const asked = this.lang || this.closest("[lang]")?.lang || navigator.language;
    const words = Words.load(this.server.endpoint, asked, this.#strings);
    if (this.server.source && !this.items) this.#first ??= this.#options();
    try {
      this.words = await words;
    } catch (trouble) {
      this.tell("error", { code: trouble.code, status: 0 });
      return;
    }
    for (const node of [this.#root, this.dialog, this.#over]) {
      node.lang = this.words.language;
      node.dir = this.words.dir;
    }
    this.#root.setAttribute("aria-label", this.words.say("rewards"));
    const first = this.#first;
    this.#first = null;
    if (!first) return this.refresh();
    this.#take(await first);
    if (this.#view === "history") this.#readPast();
    this.#listen();
  }

  #options() {
    return this.server.call("GET", "options").catch((trouble) => trouble);
  }

  async #read() {
    while (this.#again) {
      this.#again = false;
      this.#take(await this.#options());
      if (this.#view === "history") await this.#readPast();
    }
    this.#listen();
  }

  #take(said) {
    this.#trouble = said instanceof Error ? said : null;
    if (this.#trouble) this.tell("error", { code: said.code ?? "internal", status: said.status ?? 0 });
    else {
      this.items = said.items;
      this.#moved(said.me);
      if (!this.#ready) {
        this.#ready = true;
        this.tell("ready", { balance: said.me.balance, available: said.me.available, held: said.me.held });
        if (!said.items.length) this.tell("error", { code: "empty-config", status: 200 });
      }
    }
    this.paint();
  }

  async #readPast(more) {
    const after = more ? `&cursor=${this.#cursor}` : "";
    try {
      const said = await this.server.call("GET", `transactions?limit=20${after}`);
      for (const t of said.items) this.note(t);
      this.#past = [...new Set([...(more ? this.#past : []), ...said.items.map(({ id }) => id)])];
      this.#cursor = said.nextCursor;
    } catch (trouble) {
      this.#trouble = trouble;
    }
    this.paint();
  }

  // news -------------------------------------------------------------------------------------

  /** Keeps a stream open while the page is looked at. */
  async #listen() {
    if (this.#stream || !this.items || document.hidden) return;
    const stream = (this.#stream = new AbortController());
    const { signal } = stream;
    signal.addEventListener("abort", () => {
      this.live = false;
      this.#stream = null;
    });
    for (let wait = 1000; !signal.aborted; wait = Math.min(wait * 2, 30_000)) {
      try {
        await this.server.listen(signal, (event, data) => {
          this.live = true;
          wait = 1000;
          if (event === "transaction") this.note(data);
          else if (this.#moved(data)) this.refresh(); // obstacles may be gone, or stand there now
        });
      } catch (trouble) {
        // Who may not listen now is asked anew when the page is looked at again.
        if (trouble instanceof Refused && trouble.status < 429) stream.abort();
      }
      this.live = false;
      if (!signal.aborted) await pause(wait);
    }
  }

  /** Answers whether the balance changed under somebody's eyes. */
  #moved(said) {
    const was = this.me;
    this.me = { ...was, ...said };
    if (!was || (was.available === said.available && was.held === said.held)) return false;
    const { balance, available, held } = said;
    this.tell("balance", { balance, available, held });
    this.announce(this.words.say("moved", { n: available, held }));
    this.redeeming?.moved();
    this.#paintBalance();
    return true;
  }

  /** Takes note of how a transaction stands; what is older than what is known tells nothing. */
  note(t) {
    const was = this.known.get(t.id);
    if (was?.updatedAt > t.updatedAt) return;
    this.known.set(t.id, { ...was, ...t });
    if (was?.status === t.status) return;
    if (this.redeeming?.transaction?.id === t.id) this.redeeming.result(t);
    if (was) {
      this.tell("status", t);
      if (!this.dialog.open) this.announce(`${t.optionTitle}: ${this.words.say(`h.${t.status}`)}`);
      if (!this.live) this.refresh();
    } else if (this.#past && !this.#past.includes(t.id)) this.#past = [t.id, ...this.#past].sort().reverse();
    if (this.#view === "history" || this.#unfolded) this.paint();
  }

  /** An event for the host; answers whether nobody prevented it. */
  tell(type, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`guerdon:${type}`, { detail, bubbles: true, composed: true, cancelable }));
  }

  announce(text) {
    this.#said.textContent = text;
  }

  // the dialog -------------------------------------------------------------------------------

  /** Asks for one redemption; while one is in the air, that is what is shown. */
  ask({ name }) {
    const item = this.items.find((one) => one.name === name);
    if (!this.redeeming || this.redeeming.settled) this.redeeming = new Redeeming(this, item);
    this.returnTo = name;
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** Fills the dialog. Focus goes to its heading, unless it is only about to open. */
  fill(heading, ...content) {
    const title = h("h2", { id: "asked", tabindex: -1, dir: "auto" }, heading);
    this.dialog.replaceChildren(title, ...content.filter(Boolean));
    if (this.dialog.open) title.focus();
  }

  #closed() {
    if (this.redeeming?.settled) this.redeeming = null;
    for (const key of [this.returnTo, "rewards"]) if (this.#focus(key)) return;
  }

  #focus(key) {
    const node = [...this.#root.querySelectorAll("[data-k]")].find((one) => one.dataset.k === key);
    node?.focus();
    return node;
  }

  // painting ---------------------------------------------------------------------------------

  /** Holds the places, so that nothing jumps when the words and the data come. */
  #skeleton() {
    const blank = h("li", { class: "card blank" }, h("div", { class: "image" }), h("div", { class: "about" }));
    this.#panel.replaceChildren(h("ul", { class: "cards", "aria-busy": "true" }, blank, blank.cloneNode(true), blank.cloneNode(true)));
  }

  /** Paints what is known; focus stays where it is. */
  paint() {
    if (!this.words || !(this.items || this.#trouble)) return;
    const focused = this.shadowRoot.activeElement?.dataset.k;
    this.#paintBalance();
    this.#paintTabs();
    const past = this.#view === "history";
    this.#panel.setAttribute("aria-label", this.words.say(past ? "history" : "rewards"));
    const shown = this.#trouble && !(past ? this.#past : this.items) ? this.#sorry() : past ? this.#history() : this.#catalogue();
    this.#panel.replaceChildren(...[shown].flat().filter(Boolean));
    if (focused && this.shadowRoot.activeElement?.dataset.k !== focused && !this.dialog.open) this.#focus(focused);
  }

  #paintBalance() {
    const { words: w, me } = this;
    if (!me) return;
    const held = [...this.known.values()].filter((t) => t.tokens === "held");
    const unfold = async () => {
      this.#unfolded = !this.#unfolded;
      if (this.#unfolded) {
        const said = await this.server.call("GET", "transactions?open=true&limit=50").catch(() => ({ items: [] }));
        for (const t of said.items) this.note(t);
      }
      this.paint();
    };
    const button = h("button", { class: "held", "data-k": "held", "aria-expanded": String(this.#unfolded), onclick: unfold }, w.say("held", { n: me.held }));
    this.#balance.replaceChildren(
      h("span", { class: "dim" }, w.say("available")),
      h("div", {}, h("strong", {}, w.number(me.available)), me.held > 0 && button),
      ...(this.#unfolded && me.held > 0
        ? [h("div", { class: "holds" }, h("p", {}, w.say("heldAbout")), h("ul", {}, held.map((t) => h("li", {}, h("span", { dir: "auto" }, t.optionTitle), h("span", {}, w.tokens(t.price))))))]
        : []),
    );
  }

  #paintTabs() {
    const past = this.#view === "history";
    const tabs = ["rewards", "history"].map((name) => {
      const selected = (name === "history") === past;
      const tab = h("button", { role: "tab", part: "tab", "data-k": name, "aria-selected": String(selected), "aria-controls": "panel", tabindex: selected ? 0 : -1, onclick: () => this.show(name) }, this.words.say(name));
      tab.addEventListener("keydown", ({ key }) => {
        if (!/^(Arrow(Left|Right)|Home|End)$/.test(key)) return;
        const next = past ? "rewards" : "history";
        this.show(key === "Home" ? "rewards" : key === "End" ? "history" : next);
        this.#focus(past ? "rewards" : "history");
      });
      return tab;
    });
    this.#tabs.replaceChildren(...tabs);
  }

  #sorry() {
    const w = this.words;
    const again = () => (this.#view === "history" ? this.#readPast() : this.refresh());
    return h("div", { class: "empty", role: "alert" }, h("p", {}, why(w, this.#trouble)), h("button", { "data-k": "retry", onclick: again }, w.say("again")));
  }

  #catalogue() {
    const group = this.getAttribute("group");
    const shown = this.items.filter((item) => (this.#view === "rewards" || item.name === this.#view) && (!group || item.group === group));
    if (!shown.length) return h("slot", { name: "empty" }, h("p", { class: "empty" }, this.words.say("empty")));
    return [h("h2", { class: "unseen" }, this.words.say("rewards")), h("ul", { class: "cards" }, shown.map((item) => card(this, item)))];
  }

  #history() {
    const w = this.words;
    if (!this.#past) return h("p", { class: "empty", "aria-busy": "true" }, "…");
    if (!this.#past.length) return h("p", { class: "empty" }, w.say("noHistory"));
    const lines = this.#past.map((id) => line(this, this.known.get(id), this.#opened));
    const more = this.#cursor && h("button", { "data-k": "more", onclick: () => this.#readPast(true) }, w.say("loadMore"));
    return [h("h2", { class: "unseen" }, w.say("history")), h("ol", { class: "past", part: "history" }, lines), more];
  }
}

customElements.get("guerdon-widget") ?? customElements.define("guerdon-widget", GuerdonWidget);
