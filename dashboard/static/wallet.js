// The reader's own wallet: found by EIP-6963, spoken to by EIP-1193. It signs; this page only asks.
"use strict";

const KEY = "wallet";
const wallets = new Map();

// What wallets answer (EIP-1193, EIP-3085, EIP-3326), in words that say what to do.
function words(error) {
  if (error?.code === 4001) return "You declined in the wallet. Nothing was sent.";
  if (error?.code === 4100) return "The wallet does not let this page use that account. Connect it in the wallet.";
  if (error?.code === -32002) return "The wallet is already asking. Open it and answer there.";
  return `The wallet says: ${error?.message ?? error}`;
}

function say(scope, text) {
  const place = scope.querySelector("[data-wallet-status]");
  if (place) place.textContent = text;
}

function remembered() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(rdns) {
  try {
    sessionStorage.setItem(KEY, rdns);
  } catch {
    // It is then asked for again on the next page.
  }
}

async function account(provider) {
  const [found] = await provider.request({ method: "eth_requestAccounts" });
  if (!found) throw new Error("it offers no account");
  return found;
}

async function connect(form, provider) {
  say(form, "Waiting for the wallet.");
  form.elements.address.value = await account(provider);
  form.requestSubmit();
}

function hex(text) {
  return "0x" + [...new TextEncoder().encode(text)].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function answer(form, provider) {
  say(form, "Waiting for your signature in the wallet.");
  const message = form.querySelector("#message").textContent;
  const [, address] = message.split("\n");
  await account(provider);
  form.elements.signature.value = await provider.request({
    method: "personal_sign",
    params: [hex(message), address],
  });
  form.requestSubmit();
}

// Brings the wallet to the page's chain; a chain it does not know is its owner's to add.
async function chain(provider, wanted) {
  const current = await provider.request({ method: "eth_chainId" });
  if (Number(current) === wanted) return;
  await provider.request({
    method: "wallet_switchEthereumChain",
    params: [{ chainId: "0x" + wanted.toString(16) }],
  });
}

// The transaction stands on the page, to be compared with what the wallet shows.
async function send(form, provider) {
  const { chainId, from, to, data, shows } = JSON.parse(form.dataset.walletSend);
  say(form, "Waiting for the wallet.");
  await chain(provider, chainId);
  const own = await account(provider);
  if (from && own.toLowerCase() !== from.toLowerCase()) {
    say(form, `Choose the account ${from} in the wallet; ${own} may not do this.`);
    return;
  }
  const sent = await provider.request({ method: "eth_sendTransaction", params: [{ from: own, to, data }] });
  const address = `/transactions/${sent}` + (shows ? `?shows=${encodeURIComponent(shows)}` : "");
  if (document.querySelectorAll("[data-wallet-send]").length === 1) {
    location.assign(address);
    return;
  }
  // There is more to sign on this page: it stays, and this part of it is done.
  form.querySelector("[data-wallet-choices]").hidden = true;
  const link = document.createElement("a");
  link.href = address;
  link.textContent = "Sent. Follow it";
  form.querySelector("[data-wallet-status]").replaceChildren(link);
}

async function typed(form, provider, data) {
  const { chainId } = data.domain;
  say(form, "Waiting for your signature in the wallet.");
  await chain(provider, chainId);
  const own = await account(provider);
  const { from } = form.dataset;
  if (from && own.toLowerCase() !== from.toLowerCase()) throw new Error(`choose the account ${from} in it`);
  return provider.request({ method: "eth_signTypedData_v4", params: [own, JSON.stringify(data)] });
}

async function permit(form, provider) {
  form.elements.signature.value = await typed(form, provider, JSON.parse(form.dataset.walletTyped));
  form.requestSubmit();
}

const digits = (bytes) => [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");

// A charger's password is made and shown here. What leaves the page is a salted hash of it.
async function admit(form, provider) {
  if (!crypto.subtle) {
    say(form, "A password can be made only where this page is served over HTTPS.");
    return;
  }
  const password = digits(crypto.getRandomValues(new Uint8Array(20)));
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array([...salt, ...new TextEncoder().encode(password)]));
  const data = JSON.parse(form.dataset.walletTyped);
  Object.assign(data.message, { salt: "0x" + digits(salt), hash: "0x" + digits(new Uint8Array(hash)) });
  const fields = new URLSearchParams(new FormData(form));
  for (const name of ["salt", "hash", "issuedAt"]) fields.set(name, data.message[name]);
  fields.set("signature", await typed(form, provider, data));
  say(form, "Sending it to the oracle.");
  const answer = await fetch(`${new URL(form.action).pathname}.json`, { method: "POST", body: fields });
  const told = await answer.json();
  if (!answer.ok) {
    say(form, told.detail ?? `It answered ${answer.status}.`);
    return;
  }
  form.querySelector("[data-made-url]").textContent = told.url;
  form.querySelector("[data-made-password]").textContent = password;
  form.querySelector("[data-made]").hidden = false;
  form.querySelector("[data-wallet-choices]").hidden = true;
  say(form, "The oracle lets it in.");
}

// The wallet's node is asked; nothing is signed and no account is shown.
async function check(form, provider) {
  say(form, "Waiting for the wallet.");
  await chain(provider, Number(form.dataset.chain));
  await (await import(form.dataset.walletCheck)).check(form, provider);
  say(form, "");
}

const TASKS = [
  ["[data-wallet-connect]", connect],
  ["[data-wallet-answer]", answer],
  ["[data-wallet-send]", send],
  ["[data-wallet-permit]", permit],
  ["[data-wallet-admit]", admit],
  ["[data-wallet-check]", check],
];

async function run(task, form, detail) {
  try {
    remember(detail.info.rdns);
    await task(form, detail.provider);
  } catch (error) {
    say(form, words(error));
  }
}

function offer(detail) {
  for (const [selector, task] of TASKS) {
    for (const form of document.querySelectorAll(selector)) {
      const place = form.querySelector("[data-wallet-choices]");
      // Who must sign in first has nothing to choose yet.
      if (!place) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "main";
      button.textContent = `${place.dataset.walletVerb} ${detail.info.name}`;
      button.addEventListener("click", () => run(task, form, detail));
      place.append(button);
      // Whoever chose a wallet on the page before meant this one too.
      if (task === answer && remembered() === detail.info.rdns) run(task, form, detail);
    }
  }
}

addEventListener("eip6963:announceProvider", ({ detail }) => {
  if (!detail?.info?.uuid || wallets.has(detail.info.uuid)) return;
  wallets.set(detail.info.uuid, detail);
  offer(detail);
});
dispatchEvent(new Event("eip6963:requestProvider"));

// Wallets answer at once; whoever has none is told so.
setTimeout(() => {
  if (wallets.size) return;
  for (const [selector] of TASKS) {
    for (const form of document.querySelectorAll(selector)) say(form, "No wallet was found in this browser.");
  }
}, 500);
