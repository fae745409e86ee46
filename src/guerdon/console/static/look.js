// Settings > Widget > Look: contrasts and the preview follow what is typed. The server checks again.

const form = document.querySelector("[data-look]");
const HEX = /^#[0-9a-f]{6}$/i;

const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);

const luminance = (colour) => {
  const [red, green, blue] = [1, 3, 5].map((at) => linear(parseInt(colour.slice(at, at + 2), 16) / 255));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const ratio = (one, other) => {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
};

/** What is typed, or how the widget comes; `null` while it is no colour. */
const colour = (scheme, name) => {
  const field = form.elements[`${scheme}.${name}`];
  if (!field) return form.querySelector(`[data-fixed="${scheme}.${name}"]`).dataset.colour;
  const typed = field.value.trim();
  return typed ? (HEX.test(typed) ? typed : null) : field.placeholder;
};

const follow = () => {
  let low = 0;
  for (const row of form.querySelectorAll("[data-pair]")) {
    const [scheme, front, back, least] = row.dataset.pair.split(" ");
    const pair = [colour(scheme, front), colour(scheme, back)];
    const found = pair.every(Boolean) ? ratio(...pair) : 0;
    const enough = found >= Number(least);
    low += enough ? 0 : 1;
    row.classList.toggle("low", !enough);
    row.querySelector("[data-ratio]").textContent = found ? found.toFixed(1) : "–";
    row.querySelector("[data-verdict]").textContent = found ? (enough ? "enough" : `too little: ${least} is needed`) : "no colour yet";
  }
  // What cannot be read is not shown as an example.
  for (const box of form.querySelectorAll("[data-preview]")) {
    box.hidden = form.querySelector(`.low[data-pair^="${box.dataset.preview} "]`) !== null;
    for (const name of ["accent", "onAccent", "bg", "surface", "text", "dim", "line"])
      box.style.setProperty(`--p-${name}`, colour(box.dataset.preview, name));
  }
  for (const swatch of form.querySelectorAll("[data-swatch]"))
    swatch.style.setProperty("background-color", colour(...swatch.dataset.swatch.split(".")) ?? "transparent");
  const save = form.querySelector("[data-keep]");
  save.setAttribute("aria-disabled", String(low > 0));
  form.querySelector("[data-low]").textContent = low ? `${low} of the contrasts are too little: it cannot be saved like this.` : "";
  return low;
};

if (form) {
  form.addEventListener("input", follow);
  form.addEventListener("submit", (event) => {
    if (!follow()) return;
    event.preventDefault();
    form.querySelector("[data-low]").scrollIntoView({ block: "center" });
  });
  follow();
}
