// The grid of a week's hours: buttons at once, arrow keys, and drawing with the mouse.
"use strict";

for (const grid of document.querySelectorAll("[data-week-grid]")) {
  const boxes = [...grid.querySelectorAll("input[name=hour]")];
  const form = grid.closest("form");

  // As the server would: on, or off where all of them are on. Bit 0 is Monday 00.
  function toggle(mask) {
    const meant = boxes.filter((box) => (mask >> BigInt(box.value)) & 1n);
    const on = !meant.every((box) => box.checked);
    for (const box of meant) box.checked = on;
  }

  for (const button of form.querySelectorAll("button[data-week]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      if (button.name === "clear") for (const box of boxes) box.checked = false;
      else toggle(BigInt(`0x${button.value}`));
    });
  }

  const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  grid.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.target.name !== "hour") return;
    event.preventDefault();
    const hour = Number(event.target.value);
    const [day, time] = [Math.floor(hour / 24) + step[0], (hour % 24) + step[1]];
    if (day < 0 || day > 6 || time < 0 || time > 23) return;
    boxes.find((box) => Number(box.value) === day * 24 + time)?.focus();
  });

  // The first box pressed says whether hours are switched on or off.
  let drawing = null;
  grid.addEventListener("pointerdown", (event) => {
    if (event.target.name !== "hour" || event.pointerType !== "mouse") return;
    drawing = { first: event.target, on: !event.target.checked };
  });
  grid.addEventListener("pointerover", (event) => {
    if (!drawing || event.target.name !== "hour" || event.target === drawing.first) return;
    drawing.first.checked = drawing.on;
    event.target.checked = drawing.on;
  });
  addEventListener("pointerup", () => {
    drawing = null;
  });
}
