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

// Says what was just done. Screen readers announce only what changes after the page was loaded.
for (const status of document.querySelectorAll(".toast [role=status]")) {
  const text = status.textContent;
  status.textContent = "";
  setTimeout(() => (status.textContent = text), 100);
}
for (const button of document.querySelectorAll("button[data-dismisses]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    button.closest(".toast").remove();
    document.getElementById("content").focus();
  });
}

// Switches between the themes. theme.js shows the chosen one on the next pages.
const root = document.documentElement;
for (const themes of document.querySelectorAll(".theme")) {
  themes.hidden = false;
  themes.querySelector(`[value=${root.dataset.theme ?? "system"}]`).checked = true;
  themes.addEventListener("change", ({ target: { value } }) => {
    if (value === "system") delete root.dataset.theme;
    else root.dataset.theme = value;
    try {
      localStorage.setItem("theme", value);
    } catch {
      // A browser that keeps nothing for this site forgets it with the page.
    }
  });
}

// What a session has opened does not stay on the screen after it: not in another tab, nor behind
// the back button, nor when somebody comes back to a tab whose session has ended meanwhile.
const tabs = new BroadcastChannel("session");
// Without the fragment, which would make the browser scroll instead of reload.
const again = () => location.replace(location.href.split("#")[0]);

// The response to a form may bring a new token, which a reload would throw away.
let isLeaving = false;
window.addEventListener("submit", (event) => (isLeaving ||= !event.defaultPrevented));

async function againIfEnded() {
  const answer = await fetch("/api/session").catch(() => null);
  if (answer?.status === 401 && !isLeaving) again();
}

// The server says when the session ends, whoever has ended it. A page that cannot be seen costs it
// nothing: that one asks when somebody comes back to it.
function hearOfTheEnd() {
  let socket = null;
  // A session that gets a new token closes its sockets as well. Never more often than this.
  let renewals = 5;

  const listen = () => {
    if (socket || document.visibilityState !== "visible") return;
    const opened = new WebSocket(`${location.origin.replace("http", "ws")}/api/ws`);
    let isSignedIn = false;
    opened.addEventListener("message", () => (isSignedIn = true));
    opened.addEventListener("close", ({ code }) => {
      if (socket === opened) socket = null;
      // Anything else but 1008 is a server that stops, or a network that does.
      if (code !== 1008) return;
      if (isSignedIn && renewals-- > 0) setTimeout(listen, 1_000);
      else againIfEnded();
    });
    socket = opened;
  };
  const stop = () => socket?.close();

  // Not for people who only pass by.
  setTimeout(listen, 1_000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") listen();
    else stop();
  });
  window.addEventListener("pagehide", stop);
}

if (document.body.dataset.session === "none") {
  tabs.postMessage("ended");
} else if (document.body.dataset.session === "open") {
  tabs.addEventListener("message", again);
  hearOfTheEnd();
  window.addEventListener("pageshow", (event) => event.persisted && again());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") againIfEnded();
  });
}
