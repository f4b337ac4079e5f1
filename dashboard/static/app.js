// What the pages can do beyond reading: switch theme, stay live, copy, take a file, show that they work.
"use strict";

const root = document.documentElement;

function theme() {
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.addEventListener("click", () => {
      const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
      root.dataset.theme = next;
      try {
        localStorage.setItem("theme", next);
      } catch {
        // The choice then lasts as long as the page.
      }
    });
  }
}

// A page is live when its body names a stream. An event carries no figures: it says that something
// changed, and the page asks for itself again, so that there is one way in which figures are made.
function live() {
  const stream = document.body.dataset.live;
  if (!stream) return;
  const source = new EventSource(stream);
  const status = document.querySelector("[data-live-status]");
  const say = (what) => {
    if (status && status.textContent !== status.dataset[what]) status.textContent = status.dataset[what];
  };
  let busy = false;
  let again = false;
  async function refresh() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      say("lost");
    }
    busy = false;
    if (again) {
      again = false;
      refresh();
    }
  }
  source.addEventListener("open", () => say("on"));
  source.addEventListener("error", () => say("lost"));
  source.addEventListener("changed", refresh);
  addEventListener("pagehide", () => source.close());
}

// Replaces each part marked data-part whose content is new. Open details and the focus stay.
function swap(fresh) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!next) continue;
    next.querySelectorAll("details[id]").forEach((one) => {
      one.open = document.getElementById(one.id)?.open ?? one.open;
    });
    if (next.innerHTML === part.innerHTML) continue;
    const before = new Map();
    part.querySelectorAll("[data-figure]").forEach((one) => before.set(one.dataset.figure, one.textContent));
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.replaceChildren(...next.childNodes);
    part.querySelectorAll("[data-figure]").forEach((one) => {
      if (before.get(one.dataset.figure) !== one.textContent) one.classList.add("changed");
    });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text.trim());
      button.textContent = button.dataset.copied;
    } catch {
      button.textContent = button.dataset.byHand;
    }
  });
}

// A chosen file is put into the text field beside it, byte for byte as far as it is text.
function files() {
  for (const input of document.querySelectorAll("input[type=file][data-into]")) {
    input.addEventListener("change", async () => {
      const file = input.files?.[0];
      if (file) document.getElementById(input.dataset.into).value = await file.text();
    });
  }
}

function working() {
  const show = (element) => {
    element.setAttribute("aria-busy", "true");
    element.textContent = element.dataset.busy;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-busy]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) show(link);
  });
  for (const form of document.querySelectorAll("form")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button[data-busy]");
      if (button) show(button);
    });
  }
}

// A page that the browser kept while we were away is closed to its stream and may still say it works.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

theme();
live();
copying();
files();
working();
