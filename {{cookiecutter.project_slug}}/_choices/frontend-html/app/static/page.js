// What scripts add to pages that work without them.
"use strict";

// Lets users see the password they type.
for (const button of document.querySelectorAll("button[data-shows]")) {
  const field = document.getElementById(button.dataset.shows);
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", shown);
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  // Submitted as text, the browser would offer it to the next user of the form.
  field.form.addEventListener("submit", () => show(false));
}

// What a session has opened does not stay on the screen after it: not in another tab, nor behind
// the back button, nor when somebody comes back to a tab whose session has ended meanwhile.
const tabs = new BroadcastChannel("session");
// Without the fragment, which would make the browser scroll instead of reload.
const again = () => location.replace(location.href.split("#")[0]);

if (document.body.dataset.session === "none") {
  tabs.postMessage("ended");
} else if (document.body.dataset.session === "open") {
  tabs.addEventListener("message", again);
  window.addEventListener("pageshow", (event) => event.persisted && again());
  document.addEventListener("visibilitychange", async () => {
    if (document.visibilityState === "visible") {
      const answer = await fetch("/api/session").catch(() => null);
      if (answer?.status === 401) again();
    }
  });
}
