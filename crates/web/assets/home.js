// The landing page: the button that plays the sample call, and the turn that is being heard. Without this module the
// button leads to the player, which works by itself.
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
