"use strict";
(() => {
  const root = document.documentElement, pairs = document.getElementById("pairs");
  if (!pairs) return;
  root.classList.add("js");
  const all = document.getElementById("all"), play = document.getElementById("play");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = 0;
  const show = (packaged) => { pairs.classList.toggle("on", packaged); all.setAttribute("aria-pressed", packaged); };
  const stop = () => { clearInterval(timer); timer = 0; play.setAttribute("aria-pressed", "false"); show(false); };
  all.addEventListener("click", () => { const on = pairs.classList.contains("on"); stop(); show(!on); });
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (still.matches) return;
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => show(!pairs.classList.contains("on")), 500); // two changes a second: below three flashes
  });
  still.addEventListener("change", () => still.matches && timer && stop());
  for (const one of pairs.querySelectorAll(".flick")) {
    const set = (on) => { one.classList.toggle("on", on); one.setAttribute("aria-pressed", on); };
    one.addEventListener("pointerdown", () => set(true));
    for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) one.addEventListener(end, () => set(false));
    one.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is for looking
    one.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") { event.preventDefault(); set(true); }
    });
    one.addEventListener("keyup", (event) => (event.key === " " || event.key === "Enter") && set(false));
  }
  const plain = (event) => event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey && !event.altKey;
  addEventListener("keydown", (event) => plain(event) && !event.repeat && !timer && show(true));
  addEventListener("keyup", (event) => plain(event) && !timer && show(false));
})();
