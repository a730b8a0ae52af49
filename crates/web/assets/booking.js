// Booking without reloads where it can be had: guesses the zone, says the chosen time, echoes number and address, and
// shows the same pages in a dialog. Every page works without it.
/** @type {any} */
const types = /** @type {any} */ (window).trustedTypes;
// What is put in comes from our own server, which escapes what people typed.
const policy = types ? types.createPolicy("booking", { createHTML: (/** @type {string} */ text) => text }) : null;

/** @param {Element} root @param {string} selector */
const all = (root, selector) => [...root.querySelectorAll(selector)];

/** @param {ParentNode & Element} root */
function wake(root) {
  for (const form of all(root, "[data-zone]")) {
    const select = form.querySelector("select");
    const button = form.querySelector("button");
    if (button) button.hidden = true;
    select?.addEventListener("change", () => /** @type {HTMLFormElement} */ (form).requestSubmit());
  }
  const check = root.querySelector("[data-check]")?.getAttribute("data-check");
  for (const form of all(root, "form.details")) {
    form.addEventListener("focusout", async (event) => {
      const name = /** @type {HTMLInputElement} */ (event.target).name;
      if (!check || !["email", "phone", "country"].includes(name)) return;
      const data = new FormData(/** @type {HTMLFormElement} */ (form));
      const body = new URLSearchParams(["email", "phone", "country"].map((key) => [key, String(data.get(key) ?? "")]));
      const answer = await fetch(check, { method: "POST", body }).catch(() => null);
      if (!answer?.ok) return;
      const words = await answer.json();
      for (const key of ["email", "phone"]) {
        const place = form.querySelector(`[data-echo=${key}]`);
        if (place) place.textContent = words[key];
      }
    });
  }
}

document.addEventListener("change", (event) => {
  const radio = /** @type {HTMLElement} */ (event.target);
  const place = radio.closest("form")?.querySelector("[data-said-here]");
  if (place && radio.dataset.said) place.textContent = radio.dataset.said;
});

// A button pressed twice asks once; the server would see that it is the same request, but people like to see it too.
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const dialog = form.closest("dialog.book");
  const busy = form.dataset.busy;
  const button = form.querySelector("button[type=submit]");
  if (button && form.dataset.sent) return event.preventDefault();
  if (button && busy) {
    form.dataset.sent = "1";
    button.setAttribute("aria-disabled", "true");
    button.textContent = busy;
  }
  if (!dialog || form.method === "dialog") return;
  event.preventDefault();
  const data = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  const shown = form.method === "post" ? show(dialog, form.action, { method: "POST", body: data }) : show(dialog, `${form.action}?${data}`);
  // Without the dialog's own way, the browser's.
  shown.then((done) => { if (!done) form.submit(); });
});
// Back from the next page, the form is as it was, and may be sent again.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const within = link.closest("dialog.book");
  if (within && link.hasAttribute("data-step")) {
    event.preventDefault();
    show(within, link.href);
  } else if (link.hasAttribute("data-book") && !document.querySelector("[data-booking]")) {
    event.preventDefault();
    open(link);
  }
});

/** @param {HTMLAnchorElement} link */
function open(link) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog book";
  dialog.setAttribute("aria-labelledby", "booking-title");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn icon";
  close.textContent = "\u00d7";
  close.setAttribute("aria-label", link.dataset.close ?? "Close");
  close.addEventListener("click", () => dialog.close());
  const body = document.createElement("div");
  dialog.append(close, body);
  dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
  document.body.append(dialog);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  show(dialog, `${link.href}?part=dialog&tz=${encodeURIComponent(zone)}`).then((shown) => {
    if (shown) dialog.showModal(); else location.assign(link.href);
  });
}

/** @param {Element} dialog @param {string} address @param {RequestInit} [how] */
async function show(dialog, address, how) {
  const answer = await fetch(address, how).catch(() => null);
  if (!answer || !answer.headers.get("content-type")?.startsWith("text/html")) return false;
  const text = await answer.text();
  const body = dialog.lastElementChild;
  if (!body) return false;
  body.innerHTML = policy ? policy.createHTML(text) : text;
  wake(body);
  const first = body.querySelector("[autofocus], .tile input:checked, a.tile");
  if (first instanceof HTMLElement) first.focus();
  return true;
}

wake(document.documentElement);
const here = new URL(location.href);
const page = document.querySelector(".booking [data-zone]");
if (page && !here.searchParams.has("tz")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const chosen = page.querySelector("select");
  if (zone && chosen && chosen.value !== zone) {
    here.searchParams.set("tz", zone);
    location.replace(here);
  }
}
