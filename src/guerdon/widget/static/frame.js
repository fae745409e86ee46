// The page that other pages put into a frame: messages go to one allowed origin, and come from it.

const given = new URLSearchParams(location.search);
const origins = document.documentElement.dataset.origins.split(" ").filter(Boolean);
const host = origins.find((one) => one === given.get("origin")) ?? (origins.length === 1 && origins[0]);
const widget = document.querySelector("guerdon-widget");
const send = (type, payload) => {
  if (host && parent !== window) parent.postMessage({ source: "guerdon", type, payload }, host);
};
for (const name of ["lang", "theme", "view", "group", "compact"])
  if (given.has(name)) widget.setAttribute(name, given.get(name));
let answered = () => {};
addEventListener("message", ({ origin, source, data }) => {
  if (origin !== host || source !== parent || data?.source !== "guerdon-host") return;
  if (data.type === "token") answered(data.payload.token);
  if (data.type === "refresh") widget.refresh();
  if (data.type === "show") widget.show(data.payload.view);
});
if (parent !== window)
  widget.token = ({ reason }) =>
    new Promise((done) => {
      answered = done;
      send("token", { reason });
    });
for (const type of ["ready", "redeemed", "error", "redirect"])
  widget.addEventListener(`guerdon:${type}`, (event) => {
    if (type === "redirect" && parent !== window) event.preventDefault();
    send(type, event.detail);
  });
new ResizeObserver(([entry]) => send("resize", { height: Math.ceil(entry.target.offsetHeight) })).observe(widget);
