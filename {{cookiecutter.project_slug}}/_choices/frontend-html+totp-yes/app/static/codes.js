// Buttons that copy and print what is shown only once.
"use strict";

for (const button of document.querySelectorAll("button[data-copies]")) {
  // Only over HTTPS and on localhost.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const items = document.getElementById(button.dataset.copies).children;
    await navigator.clipboard.writeText(Array.from(items, (item) => item.textContent.trim()).join("\n"));
    button.textContent = "Copied";
  });
}

for (const button of document.querySelectorAll("button[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
