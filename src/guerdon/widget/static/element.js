// The element: it owns what is known, the dialog and the stream, and paints.

const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);

const balanceOf = ({ balance, available, held }) => ({ balance, available, held });

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
  #cursor = null;
  #oldest = null;
  #unfolded = false;
  #trouble = null;
  #view = "rewards";
  #opened = new Set();
  #ready = false;
  #stop = null;
  #stream = null;
  #loading = null;
  #reading = null;
  #again = false;
  #look = new CSSStyleSheet();

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
    shadow.adoptedStyleSheets = [sheet, this.#look];
    this.#root.append(h("slot", { name: "header" }), this.#balance, this.#tabs, this.#panel, h("slot", { name: "footer" }), this.#said);
    shadow.append(this.#root, this.dialog, this.#over);
    this.server.onmember = () => this.#forget();
  }

  // for the host -----------------------------------------------------------------------------

  /** A token, or (better) a function that fetches one: `async ({reason}) => "eyJ…"`. */
  set token(source) {
    this.server.token = source;
    this.refresh();
  }

  /** The host's own words, in place of ours. */
  set strings(table) {
    this.#strings = table;
    if (this.#loading) this.#load();
  }

  /** Reads everything anew. */
  async refresh() {
    if (!this.#loading || !this.server.source) return;
    if (!this.words) this.#load();
    this.#again = true;
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    await this.#reading;
  }

  /** Turns to `rewards`, `history`, or one option by its name. */
  show(view) {
    this.#view = view || "rewards";
    if (this.#view === "history" && this.me) this.#readPast();
    this.paint();
  }

  /** Over the page, as a dialog; `close` puts it back. */
  open() {
    this.#over.replaceChildren(button("×", () => this.close(), { class: "x", "aria-label": this.words?.say("close") }), this.#root);
    this.#over.onclose = () => this.shadowRoot.prepend(this.#root);
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
    this.#load();
    for (const name of ["token", "strings"]) {
      if (!Object.hasOwn(this, name)) continue;
      const given = this[name]; // set before this script was there
      delete this[name];
      this[name] = given;
    }
    this.refresh();
  }

  disconnectedCallback() {
    this.#stop.abort();
    this.#stream?.abort();
  }

  attributeChangedCallback(name, was, is) {
    if (!this.#stop || was === is) return;
    if (name === "view") this.show(is);
    if (name === "lang" || name === "endpoint") {
      this.#load();
      this.#stream?.abort();
      this.refresh();
    } else this.paint();
  }

  /** Another member is signed in: nothing of the one before stays, and nothing of theirs is sent. */
  #forget() {
    this.redeeming = this.me = this.items = this.#oldest = null;
    this.known.clear();
    this.#stream?.abort();
    this.dialog.close();
  }

  /** The words; data comes beside them, and waits for them. */
  #load() {
    this.server.endpoint = (this.getAttribute("endpoint") || HOME).replace(/\/$/, "");
    const asked = (this.server.lang = this.lang || this.closest("[lang]")?.lang || navigator.language);
    const ready = (words) => {
      this.words = words;
      for (const node of [this.#root, this.dialog, this.#over]) {
        node.lang = words.language;
        node.dir = words.dir;
      }
      this.#root.ariaLabel = this.#over.ariaLabel = words.say("rewards");
      this.paint();
    };
    this.#loading = Words.load(this.server.endpoint, asked, this.#strings).then(ready, (trouble) => this.oops(trouble));
  }

  async #read() {
    while (this.#again) {
      this.#again = false;
      const said = await this.server.call("GET", "options").catch((trouble) => trouble);
      await this.#loading;
      if (!this.words) return;
      this.#take(said);
      if (this.#view === "history") await this.#readPast();
    }
    this.#listen();
  }

  #take(said) {
    this.#trouble = said instanceof Error ? said : null;
    if (this.#trouble) this.oops(said);
    else {
      this.items = said.items;
      this.#look.replaceSync(said.look);
      Object.assign(this.words.table, said.texts, this.#strings);
      this.#moved(said.me);
      if (!this.#ready) {
        this.#ready = true;
        this.tell("ready", balanceOf(said.me));
        if (!said.items.length) this.oops({ code: "empty-config", status: 200 });
      }
    }
    this.paint();
  }

  /** History is what is known from the newest down to the oldest that was read. */
  async #readPast(more) {
    try {
      const said = await this.server.call("GET", `transactions?limit=20${more ? `&cursor=${this.#cursor}` : ""}`);
      said.items.forEach((t) => this.note(t));
      if (more || this.#oldest === null) {
        this.#cursor = said.nextCursor;
        this.#oldest = this.#cursor ? said.items.at(-1).id : "";
      }
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
        if (trouble.problem && trouble.status < 429) stream.abort();
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
    this.tell("balance", balanceOf(said));
    this.announce(this.words.say("moved", { n: said.available, held: said.held }));
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
    }
    if (this.#view === "history" || this.#unfolded) this.paint();
  }

  /** An event for the host; answers whether nobody prevented it. */
  tell(type, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`guerdon:${type}`, { detail, bubbles: true, composed: true, cancelable }));
  }

  oops({ code, status }) {
    this.tell("error", { code: code ?? "internal", status: status ?? 0 });
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
    const title = h("h2", { id: "asked", tabindex: -1 }, heading);
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
    const shown = this.#trouble && !(past ? this.#oldest !== null : this.items) ? this.#sorry() : past ? this.#history() : this.#catalogue();
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
        said.items.forEach((t) => this.note(t));
      }
      this.paint();
    };
    const more = button(w.say("held", { n: me.held }), unfold, { class: "held", "data-k": "held", "aria-expanded": String(this.#unfolded) });
    this.#balance.replaceChildren(
      h("span", { class: "dim" }, w.say("available")),
      h("div", {}, h("strong", {}, w.number(me.available)), me.held > 0 && more),
      this.#unfolded && me.held > 0 ? h("div", { class: "holds" }, h("p", {}, w.say("heldAbout")), pairs(held.map((t) => [told("span", t, "optionTitle"), w.tokens(t.price)]))) : "",
    );
  }

  #paintTabs() {
    const past = this.#view === "history";
    const tabs = ["rewards", "history"].map((name) => {
      const selected = (name === "history") === past;
      const tab = button(this.words.say(name), () => this.show(name), { role: "tab", part: "tab", "data-k": name, "aria-selected": String(selected), "aria-controls": "panel", tabindex: selected ? 0 : -1 });
      tab.addEventListener("keydown", ({ key }) => {
        if (!key.startsWith("Arrow")) return;
        const next = past ? "rewards" : "history";
        this.show(next);
        this.#focus(next);
      });
      return tab;
    });
    this.#tabs.replaceChildren(...tabs);
  }

  #sorry() {
    const w = this.words;
    const again = () => (this.#view === "history" ? this.#readPast() : this.refresh());
    return h("div", { class: "empty", role: "alert" }, h("p", {}, why(w, this.#trouble)), button(w.say("again"), again));
  }

  #catalogue() {
    const groups = this.getAttribute("group")?.split(",");
    const shown = this.items.filter((item) => (this.#view === "rewards" || item.name === this.#view) && (!groups || groups.includes(item.group)));
    if (!shown.length) return h("slot", { name: "empty" }, h("p", { class: "empty" }, this.words.say("empty")));
    return [h("h2", { class: "unseen" }, this.words.say("rewards")), h("ul", { class: "cards" }, shown.map((item) => card(this, item)))];
  }

  #history() {
    const w = this.words;
    if (this.#oldest === null) return h("p", { class: "empty", "aria-busy": "true" }, "…");
    const shown = [...this.known.values()].filter((t) => t.id >= this.#oldest).sort((a, b) => (a.id < b.id ? 1 : -1));
    if (!shown.length) return h("p", { class: "empty" }, w.say("noHistory"));
    const lines = shown.map((t) => line(this, t, this.#opened));
    const more = this.#cursor && button(w.say("loadMore"), () => this.#readPast(true), { "data-k": "more" });
    return [h("h2", { class: "unseen" }, w.say("history")), h("ol", { class: "past", part: "history" }, lines), more];
  }
}

customElements.get("guerdon-widget") ?? customElements.define("guerdon-widget", GuerdonWidget);
