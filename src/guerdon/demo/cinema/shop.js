// All that a host does: one element, and a way to get a token for whoever is signed in.
const widget = document.querySelector("guerdon-widget");
const member = document.querySelector("#member");
const language = document.querySelector("#language");

const signIn = () => {
  widget.token = async () => {
    const answer = await fetch(`token?member=${encodeURIComponent(member.value)}`, { method: "POST" });
    return answer.ok ? answer.text() : null;
  };
};
member.addEventListener("change", signIn);
language.addEventListener("change", () => {
  document.documentElement.dir = language.value === "ar" ? "rtl" : "ltr";
  widget.lang = language.value;
});
signIn();
