// The landing page: the button that plays the sample call, the turn that is being heard, and booking in a dialog. Without
// this module the buttons are links, to the player and to the pages of a booking, and both work.
const player = document.querySelector("audio");
const turns = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-from]")]);

document.querySelector("[data-play]")?.addEventListener("click", (event) => {
  if (!player) return;
  event.preventDefault();
  player.focus();
  player.play().catch(() => player.scrollIntoView());
});

player?.addEventListener("timeupdate", () => {
  const now = player.currentTime * 1000;
  for (const turn of turns) {
    const heard = !player.ended && Number(turn.dataset.from) <= now && now < Number(turn.dataset.to);
    if (heard) turn.setAttribute("aria-current", "true");
    else turn.removeAttribute("aria-current");
  }
});

// The pages of a booking, one after the other, in a dialog: whatever page a link or a form of them leads to, its content
// is what the dialog shows next. The pages stay the only place that knows what a booking is.
const dialog = /** @type {HTMLDialogElement} */ (document.querySelector("dialog"));
const place = /** @type {HTMLElement} */ (dialog.querySelector("[data-place]"));
/** The address that the dialog shows. */
let here = "";
/** What is on its way; a newer wish takes its place. */
let wish = new XMLHttpRequest();

/** Leaves the dialog for the page itself. @param {string} url */
const leave = (url) => { location.href = url; };

/** @param {string} url @param {{ form: HTMLFormElement, fields: URLSearchParams }} [sent] by POST */
function show(url, sent) {
  wish.abort();
  const request = wish = new XMLHttpRequest();
  request.open(sent ? "POST" : "GET", url);
  request.responseType = "document";
  request.setRequestHeader("accept", "text/html");
  place.setAttribute("aria-busy", "true");
  request.onload = () => {
    const main = request.response?.querySelector("main");
    if (!main) return leave(here);
    here = request.responseURL;
    // Its modules come first, so that what they look for is there when they run for the second page as well.
    const modules = [...request.response.querySelectorAll("script[type=module][src]")].map((script) => import(script.src));
    Promise.allSettled(modules).then(() => {
      place.replaceChildren(...main.childNodes);
      place.removeAttribute("aria-busy");
      const found = ["[aria-invalid=true]", "[autofocus]", "h1"].map((what) => place.querySelector(what)).find(Boolean);
      const first = /** @type {HTMLElement | undefined} */ (found);
      if (first?.tagName === "H1") first.tabIndex = -1;
      first?.focus();
      document.dispatchEvent(new CustomEvent("vx:page", { detail: place }));
    });
  };
  // A form that got no answer stays as it was typed; sent once more as a page it tells what is wrong.
  request.onerror = () => {
    place.removeAttribute("aria-busy");
    if (sent) sent.form.submit();
    else leave(url);
  };
  request.send(sent?.fields ?? null);
}

for (const opener of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[data-book]"))) {
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    here = opener.href;
    place.textContent = dialog.dataset.wait ?? "";
    dialog.showModal();
    // The back button closes the dialog, as it would leave the page.
    history.pushState({ book: true }, "");
    show(opener.href);
  });
}
addEventListener("popstate", () => dialog.close());
dialog.addEventListener("close", () => {
  wish.abort();
  if (history.state?.book) history.back();
});

dialog.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest("a");
  if (!link || link.target || link.hasAttribute("download") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const url = new URL(link.href);
  // Only the pages of a booking belong in here.
  if (url.origin !== location.origin || !/\/book(\/|$)/.test(url.pathname) || url.pathname.endsWith(".ics")) return;
  event.preventDefault();
  show(url.href);
});

dialog.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.method === "dialog") return;
  event.preventDefault();
  const action = new URL(form.getAttribute("action") ?? here, here);
  const fields = new URLSearchParams(/** @type {any} */ (new FormData(form, event.submitter)));
  if (form.method === "post") return show(action.href, { form, fields });
  action.search = fields.toString();
  show(action.href);
});
