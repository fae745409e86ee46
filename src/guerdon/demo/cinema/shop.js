// All that a host does: one element, and a way to get a token for whoever is signed in.
const widget = document.querySelector("guerdon-widget");
const member = document.querySelector("#member");
const shelf = document.querySelector("#shelf");
const language = document.querySelector("#language");

const signIn = () => {
  widget.token = async () => {
    const answer = await fetch(`token?member=${encodeURIComponent(member.value)}`, { method: "POST" });
    return answer.ok ? answer.text() : null;
  };
};
member.addEventListener("change", signIn);
shelf.addEventListener("change", () => widget.setAttribute("group", shelf.value));
language.addEventListener("change", () => {
  document.documentElement.dir = language.value === "ar" ? "rtl" : "ltr";
  widget.lang = language.value;
});
signIn();
