// Runs before the first paint: the theme the reader chose, and that there is a script at all.
"use strict";
{
  const root = document.documentElement;
  root.dataset.script = "";
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch {
    // Storage is closed to us: the system's choice holds.
  }
}
