// Passkeys: what only a script can ask a browser for.
"use strict";

const problem = document.getElementById("passkey-error");
const next = document.querySelector("[name=next]")?.value ?? "/";
// An old browser that knows passkeys may not know their JSON yet.
const knowsPasskeys = Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

class Refusal extends Error {
  constructor(status, detail) {
    super(typeof detail === "string" ? detail : detail?.[0]?.msg);
    this.status = status;
  }
}

async function call(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const content = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Refusal(response.status, content.detail);
  return content;
}

const say = (text, place = problem) => {
  place.textContent = text;
  place.hidden = !text;
};

// A password manager stops offering what is not known here. Browsers that cannot say so do nothing.
const signal = async (name, about) => {
  await PublicKeyCredential[name]?.(about).catch(() => null);
};

async function create() {
  const options = await call("POST", "/api/passkeys/options");
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}

// more: "mediation" to wait until one is chosen in the name field, "signal" to stop waiting.
async function get(options, more) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey, ...more })).toJSON();
}

async function signIn(more) {
  const options = await call("POST", "/api/login/passkey/options");
  const credential = await get(options, more);
  const remember = document.getElementById("remember").checked;
  try {
    await call("POST", "/api/login/passkey", { ...credential, remember });
  } catch (error) {
    if (error.status === 404) {
      const unknown = { rpId: options.rpId, credentialId: credential.id };
      await signal("signalUnknownCredential", unknown);
    }
    throw error;
  }
  // By way of the page that can tell people when their browser has not kept the cookie.
  location.assign(`/login?signed_in=true&next=${encodeURIComponent(next)}`);
}

// The browser offers passkeys in the name field for as long as nothing else is asked of it. It ends
// even before it has begun: a browser refuses whatever is asked second.
let offer = new AbortController();

async function offerInNameField() {
  const field = document.querySelector("[autocomplete=username]");
  if (!field || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  field.autocomplete = "username webauthn";
  while (!offer.signal.aborted) {
    // Before the challenge expires.
    const renewal = setTimeout((stale) => stale.abort("renewed"), 240_000, offer);
    try {
      await signIn({ mediation: "conditional", signal: offer.signal });
      return;
    } catch (error) {
      if (error === "renewed") offer = new AbortController();
      else if (error instanceof Refusal) say(error.message);
      else return;
    } finally {
      clearTimeout(renewal);
    }
  }
}

const ways = {
  async login() {
    offer.abort("replaced");
    await signIn();
  },
  async confirm() {
    const options = await call("POST", "/api/confirm/passkey/options");
    await call("POST", "/api/confirm", await get(options));
    location.assign(next);
  },
  async add() {
    await call("POST", "/api/passkeys", await create());
    location.reload();
  },
};

// Whatever wants to know first that it is really the user leads to the page that asks.
async function attempt(button, work) {
  const place = button.form?.querySelector("[role=alert]") ?? problem;
  say("", place);
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    if (error.status === 401 && location.pathname !== "/login") location.reload();
    else if (error.status === 403 && location.pathname === "/account") {
      location.assign("/confirm?next=/account");
    } else if (error instanceof Refusal) say(error.message, place);
    else if (error.name === "InvalidStateError") say("This device has a passkey for you already.");
    else say("That did not work. Try again, or use another way.");
  } finally {
    button.disabled = false;
  }
}

if (knowsPasskeys) {
  document.getElementById("passkey-missing").hidden = true;
  for (const button of document.querySelectorAll("[data-passkey-for]")) {
    button.hidden = false;
    button.addEventListener("click", () => attempt(button, ways[button.dataset.passkeyFor]));
  }
  if (document.querySelector("[data-passkey-for=login]")) offerInNameField();
}

for (const form of document.querySelectorAll("form[data-call]")) {
  const button = form.querySelector("button:not([type])");
  button.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [method, path] = form.dataset.call.split(" ");
    attempt(button, async () => {
      await call(method, path, Object.fromEntries(new FormData(form)));
      location.reload();
    });
  });
}

// Shown where they are listed: what is there is what counts, wherever the rest was removed.
const list = document.getElementById("passkeys");
if (knowsPasskeys && list?.dataset.userHandle) {
  const { rpId, userHandle: userId, userName: name } = list.dataset;
  const ids = [...list.querySelectorAll("[data-passkey]")].map((each) => each.dataset.passkey);
  signal("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds: ids });
  signal("signalCurrentUserDetails", { rpId, userId, name, displayName: name });
}
