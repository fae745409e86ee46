// What the parts of the widget share: making nodes, looking at addresses.

/** Makes a node. Data goes in as text, never as markup. */
const h = (tag, given = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child != null && child !== false));
  return node;
};

/** A text of the operators', marked with its language; "" is one that nobody has named. */
const told = (tag, item, name, given) => h(tag, { dir: "auto", lang: item.languages[name] ?? "", ...given }, item[name]);

/** A button; `given` "main" is the one that acts. */
const button = (text, onclick, given) =>
  h("button", { type: "button", onclick, ...(given === "main" ? { class: given, part: "button" } : given) }, text);

/** Names and values, line by line. */
const pairs = (rows) => h("dl", {}, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

const choice = (...buttons) => h("div", { class: "choice" }, buttons);

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  pending: "M8 2a6 6 0 1 1-6 6",
  postponed: "M8 2a6 6 0 1 0 .01 0M8 4.5V8l2.5 2",
  success: "M3 8.5 6.5 12 13 4.5",
  failure: "M6 3 2.5 6.5 6 10M3 6.5h6a3.5 3.5 0 0 1 0 7H6",
  "recoverable-failure": "M5.5 6a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .7-1 1.5M8 12.5v.1",
};

/** The shape that goes with a status, beside its words. */
const icon = (status) => {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[status]);
  svg.append(path);
  return svg;
};

/** An address that may be shown or gone to: https, or of the same site; else nothing. */
const safeUrl = (text, base) => {
  try {
    const url = new URL(text, base);
    return url.protocol === "https:" || url.origin === new URL(base).origin ? url.href : null;
  } catch {
    return null;
  }
};

const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/** Waits; a connection that comes back ends the waiting. */
const pause = (milliseconds) =>
  new Promise((done) => {
    addEventListener("online", done, { once: true });
    setTimeout(done, milliseconds);
  });
