// What is seen beside the dialog: nodes made from what the widget knows.

/** Why an option cannot be redeemed now, in the member's language. */
const why = (w, { code, missing, opensAt, resetsAt, reason }) => {
  if (code === "insufficient-tokens") return w.say("more", { n: missing });
  if (code === "limit-reached") {
    if (reason === "sold-out") return w.say("soldOut");
    return resetsAt ? w.say("limitUntil", { date: w.date(resetsAt, "short") }) : w.say("limit");
  }
  if (code === "option-unavailable") return opensAt ? w.say("starts", { date: w.date(opensAt) }) : w.say("closed");
  return w.say(code in w.table ? code : "trouble");
};

const cost = (w, item) =>
  item.rates ? w.say("range", { n: item.maxTokens, min: w.number(item.minTokens) }) : w.tokens(item.price);

const picture = (item, endpoint) => {
  const letter = [...item.title.trim()][0] ?? "";
  const box = h("div", { class: "image", part: "image", "aria-hidden": "true" });
  const url = item.image && safeUrl(item.image, `${endpoint}/`);
  if (!url) box.append(letter);
  else {
    const lost = () => box.replaceChildren(letter);
    box.append(h("img", { src: url, alt: "", loading: "lazy", decoding: "async", onerror: lost }));
  }
  return box;
};

const card = (widget, item) => {
  const w = widget.words;
  const { obstacle } = item;
  const least = item.price ?? item.minTokens;
  const bar = h("div", { class: "bar" }, h("div"));
  bar.firstChild.style.inlineSize = `${Math.min(100, (100 * widget.me.available) / least)}%`;
  const said = obstacle && (obstacle.message || why(w, obstacle));
  const id = `w-${item.name}`;
  const about = { class: "dim", id };
  return h(
    "li",
    { class: "card", part: "card" },
    picture(item, widget.server.endpoint),
    h(
      "div",
      { class: "about" },
      told("h3", item, "title"),
      h("p", { class: "price", part: "price" }, cost(w, item)),
      item.description && told("p", item, "description", { class: "dim more" }),
      obstacle?.code === "insufficient-tokens" && bar,
      obstacle && (obstacle.message ? told("p", obstacle, "message", about) : h("p", about, said)),
    ),
    button(w.say("redeem"), () => (obstacle ? widget.announce(said) : widget.ask(item)), {
      class: "main",
      part: "button",
      "data-k": item.name,
      "aria-label": `${w.say("redeem")}: ${item.title}`,
      "aria-disabled": obstacle && "true",
      "aria-describedby": obstacle && id,
    }),
  );
};

const line = (widget, t, open) => {
  const w = widget.words;
  const facts = [
    ["when", w.date(t.createdAt, "short")],
    t.closedAt && ["until", w.date(t.closedAt, "short")],
    t.currency && ["paid", w.money(t.currencyAmount, t.currency)],
    ["number", t.id],
  ].filter(Boolean);
  const node = h(
    "details",
    { open: open.has(t.id), ontoggle: () => (node.open ? open.add(t.id) : open.delete(t.id)) },
    h(
      "summary",
      { "data-k": t.id },
      told("b", t, "optionTitle"),
      h("span", { class: t.tokens }, w.say(`t.${t.tokens}`, { n: t.price, minus: w.number(-t.price) })),
      h("span", { class: `s ${t.status}` }, icon(t.status), w.say(`h.${t.status}`)),
      h("span", { class: "dim" }, w.date(t.createdAt)),
    ),
    h("p", {}, w.say(`${t.correction ? "c" : "r"}.${t.status}`, { tokens: w.tokens(t.price) })),
    pairs(facts.map(([name, value]) => [w.say(name), value])),
    t.case
      ? !t.case.closedAt && h("p", { class: "note" }, w.say("told", { date: w.date(t.case.openedAt) }))
      : !/^(pend|fail)/.test(t.status) && button(w.say("notGot"), () => complain(widget, t)),
  );
  return h("li", {}, node);
};

/** "I did not get it": a case on that very transaction, which people will look into. */
const complain = (widget, t) => {
  const w = widget.words;
  const text = h("textarea", { id: "f-missing", rows: 3, maxlength: 1000 });
  const leave = (words) => button(w.say(words), () => widget.dialog.close());
  const wrong = h("p", { class: "wrong", role: "alert" });
  let sending;
  const onsubmit = async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    try {
      const body = JSON.stringify({ message: text.value.trim() || null });
      const { openedAt } = await widget.server.call("POST", `transactions/${t.id}/cases`, { body });
      widget.known.get(t.id).case = { openedAt };
      widget.fill(told("span", t, "optionTitle"), h("p", {}, w.say("told", { date: w.date(openedAt) })), choice(leave("close")));
      widget.paint();
    } catch (trouble) {
      wrong.textContent = why(w, trouble);
    }
    sending = false;
  };
  widget.returnTo = t.id;
  widget.fill(
    w.say("notGot"),
    h(
      "form",
      { onsubmit },
      h("p", { class: "dim" }, w.say("notGotAbout")),
      h("div", {}, h("label", { for: text.id }, w.say("missing")), text),
      wrong,
      choice(leave("cancel"), button(w.say("send"), null, { class: "main", type: "submit" })),
    ),
  );
  widget.dialog.showModal();
};
