// Keeps counts and countdowns of a page current. Every page works without it.
"use strict";

// Shows further steps of a case: at once, or by a link while something is entered.
function advance(element, steps) {
  if (steps <= Number(element.dataset.shown)) return;
  const entries = [...document.querySelectorAll("main input:not([type=hidden]), main textarea")];
  const entered = entries.some((one) => one.value !== one.defaultValue || one.checked !== one.defaultChecked);
  if (!entered && !document.activeElement.closest("main form")) location.reload();
  else document.querySelector(`[data-changed="${element.dataset.count}"]`).hidden = false;
}

const counts = document.querySelectorAll("[data-count]");
if (counts.length && "EventSource" in window) {
  const stream = document.querySelector("[data-stream]");
  const source = new EventSource(stream ? stream.dataset.stream : "/counts");
  source.onmessage = (message) => {
    const known = JSON.parse(message.data);
    for (const element of counts) {
      const value = known[element.dataset.count];
      if (value === undefined) continue;
      if (element.dataset.shown) advance(element, value);
      else if (element.tagName === "PROGRESS") element.value = value;
      else if (element.textContent !== String(value)) element.textContent = value;
    }
  };
  addEventListener("pagehide", () => source.close());
}

const clocks = document.querySelectorAll("time[data-countdown]");
function tick() {
  for (const clock of clocks) {
    const left = new Date(clock.dateTime) - Date.now();
    const minutes = Math.floor(Math.abs(left) / 60000);
    const text = [Math.floor(minutes / 60), String(minutes % 60).padStart(2, "0")].join(":");
    clock.textContent = (left < 0 ? "−" : "") + text;
    clock.classList.toggle("late", left < 0);
  }
}
if (clocks.length) {
  tick();
  setInterval(tick, 15000);
}

const all = document.querySelector("[data-select-all]");
if (all) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of document.querySelectorAll(`input[name="${all.dataset.selectAll}"]`)) box.checked = all.checked;
  });
}

document.addEventListener("keydown", (event) => {
  const field = event.ctrlKey && event.key === "/" && document.querySelector("input[type=search]");
  if (field) {
    event.preventDefault();
    field.focus();
  }
});
