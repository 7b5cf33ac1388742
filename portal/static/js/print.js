// A button that prints the page; without JavaScript it stays hidden, for it could do nothing.
document.querySelectorAll("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});
