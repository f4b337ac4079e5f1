// The reader's own wallet: found by EIP-6963, spoken to by EIP-1193. It signs; this page only asks.
"use strict";

const KEY = "wallet";
const wallets = new Map();

// What is said stands on the page, in the reader's language, with places for what varies.
const WORDS = document.querySelector("#wallet-words").dataset;

function worded(name, values = {}) {
  return WORDS[name].replace(/\{(\w+)\}/g, (place, key) => values[key] ?? place);
}

class Told extends Error {}

// What wallets answer (EIP-1193, EIP-3085, EIP-3326), in words that say what to do.
const ANSWERS = { 4001: "declined", 4100: "forbidden", "-32002": "asking" };

function words(error) {
  if (error instanceof Told) return error.message;
  if (error?.code in ANSWERS) return worded(ANSWERS[error.code]);
  return worded("says", { error: error?.message ?? error });
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
  if (!found) throw new Told(worded("noAccount"));
  return found;
}

async function connect(form, provider) {
  say(form, worded("waiting"));
  form.elements.address.value = await account(provider);
  form.requestSubmit();
}

const digits = (bytes) => [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");

async function answer(form, provider) {
  say(form, worded("signature"));
  const message = form.querySelector("#message").textContent;
  const [, address] = message.split("\n");
  await account(provider);
  form.elements.signature.value = await provider.request({
    method: "personal_sign",
    params: ["0x" + digits(new TextEncoder().encode(message)), address],
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

// The account that the page is for, or whichever the wallet offers where it is for nobody's.
async function signer(provider, wanted) {
  const own = await account(provider);
  if (wanted && own.toLowerCase() !== wanted.toLowerCase()) throw new Told(worded("other", { wanted, own }));
  return own;
}

// The transaction stands on the page, to be compared with what the wallet shows.
async function send(form, provider) {
  const { chainId, from, to, data, shows } = JSON.parse(form.dataset.walletSend);
  say(form, worded("waiting"));
  await chain(provider, chainId);
  const own = await signer(provider, from);
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
  link.textContent = worded("sent");
  form.querySelector("[data-wallet-status]").replaceChildren(link);
}

async function typed(form, provider, data) {
  const { chainId } = data.domain;
  say(form, worded("signature"));
  await chain(provider, chainId);
  const own = await signer(provider, form.dataset.from);
  return provider.request({ method: "eth_signTypedData_v4", params: [own, JSON.stringify(data)] });
}

async function permit(form, provider) {
  form.elements.signature.value = await typed(form, provider, JSON.parse(form.dataset.walletTyped));
  form.requestSubmit();
}

// A charger's password is made and shown here. What leaves the page is a salted hash of it.
async function admit(form, provider) {
  if (!crypto.subtle) {
    say(form, worded("insecure"));
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
  say(form, worded("oracle"));
  const answer = await fetch(`${new URL(form.action).pathname}.json`, { method: "POST", body: fields });
  const told = await answer.json();
  if (!answer.ok) {
    say(form, told.detail ?? worded("answered", { status: answer.status }));
    return;
  }
  form.querySelector("[data-made-url]").textContent = told.url;
  form.querySelector("[data-made-password]").textContent = password;
  form.querySelector("[data-made]").hidden = false;
  form.querySelector("[data-wallet-choices]").hidden = true;
  say(form, worded("admitted"));
}

// The wallet's node is asked; nothing is signed and no account is shown.
async function check(form, provider) {
  say(form, worded("waiting"));
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
    for (const form of document.querySelectorAll(selector)) say(form, worded("none"));
  }
}, 500);
