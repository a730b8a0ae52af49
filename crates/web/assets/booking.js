// Booking where script runs: guesses the zone, says the chosen time, echoes number and address, and shows that a button
// was heard. Every page works without it. The landing page shows the pages in a dialog and tells of each with `vx:page`.
let guessed = false;

/** The visitor's zone, chosen in the page as if by hand; nothing when it is chosen already. @param {Element} root */
function guess(root) {
  const form = root.querySelector("[data-zone]");
  const select = form?.querySelector("select");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (guessed || !select || !zone || new URL(location.href).searchParams.has("tz")) return;
  guessed = true;
  if (select.value === zone) return;
  if (![...select.options].some((option) => option.value === zone)) select.add(new Option(zone, zone));
  select.value = zone;
  if (root !== document.body) return /** @type {HTMLFormElement} */ (form).requestSubmit();
  // Without a step in the history that leads back to here and forth again.
  const here = new URL(location.href);
  here.searchParams.set("tz", zone);
  location.replace(here);
}

/** @param {Element} root */
function wake(root) {
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (root.querySelectorAll("[data-zone]"))) {
    const button = form.querySelector("button");
    if (button) button.hidden = true;
    form.querySelector("select")?.addEventListener("change", () => form.requestSubmit());
  }
  const check = root.querySelector("[data-check]")?.getAttribute("data-check");
  const details = /** @type {HTMLFormElement | null} */ (root.querySelector("form.details"));
  if (check) details?.addEventListener("focusout", (event) => {
    const name = /** @type {HTMLInputElement} */ (event.target).name;
    if (["email", "phone", "country"].includes(name)) echo(details, check);
  });
  guess(root);
}

/** @param {HTMLFormElement} form @param {string} address */
async function echo(form, address) {
  const data = new FormData(form);
  const body = new URLSearchParams(["email", "phone", "country"].map((key) => [key, String(data.get(key) ?? "")]));
  const answer = await fetch(address, { method: "POST", body }).catch(() => null);
  if (!answer?.ok) return;
  const words = await answer.json();
  for (const key of ["email", "phone"]) {
    const place = form.querySelector(`[data-echo=${key}]`);
    if (place) place.textContent = words[key];
  }
}

document.addEventListener("change", (event) => {
  const radio = /** @type {HTMLElement} */ (event.target);
  const place = radio.closest("form")?.querySelector("[data-said-here]");
  if (place && radio.dataset.said) place.textContent = radio.dataset.said;
});

// A button pressed twice asks once. The server sees that it is the same request; people like to see it too.
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const button = form.querySelector("button[type=submit]");
  if (!button || !form.dataset.busy) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  button.setAttribute("aria-disabled", "true");
  button.textContent = form.dataset.busy;
});
// Back from the next page the form may be sent again.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.addEventListener("vx:page", (event) => wake(/** @type {CustomEvent} */ (event).detail));
wake(document.body);
