// The chat of another company, on a page of its own: loaded when the visitor asks for it, and given up on in words when
// it does not come.
const PATIENCE = 10_000;
const world = /** @type {any} */ (window);
const box = /** @type {HTMLElement} */ (document.querySelector("[data-chat]"));
const button = /** @type {HTMLButtonElement} */ (box.querySelector("button"));
const state = /** @type {HTMLElement} */ (box.querySelector("[role=status]"));

/** @param {string} word */
const say = (word) => { state.textContent = box.dataset[word] ?? ""; };

/** Their window in ours: the sign that the chat has opened. A wrong id loads the program and opens nothing. */
const isOpen = () => document.querySelector("iframe[name^=intercom], .intercom-lightweight-app, #intercom-container") !== null;

function start() {
  button.disabled = true;
  say("starting");
  const settings = { app_id: box.dataset.app };
  world.intercomSettings = settings;
  const program = document.createElement("script");
  const done = (/** @type {boolean} */ open) => {
    clearTimeout(limit);
    watch.disconnect();
    say(open ? "open" : "failed");
    button.hidden = open;
    button.disabled = false;
    if (!open) program.remove();
  };
  const watch = new MutationObserver(() => { if (isOpen()) done(true); });
  const limit = setTimeout(() => done(isOpen()), PATIENCE);
  watch.observe(document.body, { childList: true, subtree: true });
  program.src = `https://widget.intercom.io/widget/${box.dataset.app}`;
  program.async = true;
  program.onerror = () => done(false);
  program.onload = () => {
    const chat = world.Intercom;
    if (typeof chat !== "function") return done(false);
    try {
      chat("boot", settings);
      chat("show");
    } catch {
      done(false);
    }
  };
  document.head.append(program);
}

button.hidden = false;
button.addEventListener("click", start);
