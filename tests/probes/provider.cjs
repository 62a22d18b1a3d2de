// A real OpenID Connect provider on loopback: node provider.cjs PORT, with NODE_PATH where npm installs.
//
// Whoever types an address is taken for its owner; what ends in "@unverified.test" is nobody's for sure.
// Apps register themselves (Dynamic Client Registration). No page needs JavaScript.
const http = require("node:http");

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;

const page = (title, body = "") => `<!doctype html><html lang="en"><title>${title}</title>
  <link rel="icon" href="data:,"><h1>${title}</h1>${body}</html>`;

const LOGIN = page(
  "Sign in at the provider",
  `<form method="post"><label>Address <input name="login" autofocus></label>
  <button>Sign in</button> <button name="cancel" value="true">Cancel</button></form>`,
);

// In place of its own, which fetch a font from elsewhere.
const logoutPages = {
  logoutSource: (ctx, form) => {
    const button = '<button form="op.logoutForm" name="logout" value="yes">Sign out</button>';
    ctx.body = page("Sign out at the provider", form + button);
  },
  postLogoutSuccessSource: (ctx) => {
    ctx.body = page(refusal || "Signed out at the provider");
  },
};
// What an app has answered to the news that somebody has signed out, if it was not 200.
let refusal = "";

const subjectOf = (address) => Buffer.from(address).toString("base64url");

function claimsOf(subject) {
  const email = Buffer.from(subject, "base64url").toString();
  return { sub: subject, email, email_verified: !email.endsWith("@unverified.test") };
}

async function readForm(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

async function serve() {
  const { default: Provider } = await import(require.resolve("oidc-provider"));
  const provider = new Provider(issuer, {
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    cookies: { keys: ["of a provider that is forgotten with its process"] },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, ...logoutPages },
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    // As Google and Microsoft do it: what an app may know stands in the ID token, too.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => claimsOf(id) }),
    // Nobody is asked what an app may know.
    async loadExistingGrant({ oidc: { client, session } }) {
      const grant = new provider.Grant({
        clientId: client.clientId,
        accountId: session.accountId,
      });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
    // Its own keeps to addresses of the Internet, and waits for two seconds.
    fetch: (url, { dispatcher, signal, ...options }) => fetch(url, options),
  });
  provider.on("backchannel.error", (_, error) => {
    refusal = error.message;
  });
  provider.on("server_error", (_, error) => console.error(error));

  const handle = provider.callback();
  http
    .createServer(async (request, response) => {
      if (!request.url.startsWith("/interaction/")) {
        handle(request, response);
      } else if (request.method === "GET") {
        response.setHeader("Content-Type", "text/html").end(LOGIN);
      } else {
        const form = await readForm(request);
        const result = form.get("cancel")
          ? { error: "access_denied" }
          : { login: { accountId: subjectOf(form.get("login")) } };
        await provider.interactionFinished(request, response, result);
      }
    })
    .listen(port, "127.0.0.1", () => console.log(`serving ${issuer}`));
}

serve();
