// What every page gains from JavaScript; without it all of this still works, by the server.

// After a refused form the reader starts at the list of what to correct.
document.getElementById("error-summary")?.focus();

// A link of the summary leads to the control itself, and its label stays in view.
document.addEventListener("click", (event) => {
  const link = event.target.closest("#error-summary a[href^='#']");
  const control = link && document.getElementById(link.hash.slice(1));
  if (!control) return;
  event.preventDefault();
  const label = control.labels?.[0] ?? control;
  label.scrollIntoView({ block: "center" });
  control.focus({ preventScroll: true });
});

// A question before an act that is hard to take back: <button data-confirm="…">.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A double click sends once. Not by disabling the button: its name and value would be lost.
const underWay = new WeakSet();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (underWay.has(form)) event.preventDefault();
  underWay.add(form);
  setTimeout(() => underWay.delete(form), 2000);
});

// How many characters are left. Said aloud only when the writing pauses.
document.querySelectorAll("[data-count-for]").forEach((counter) => {
  const field = document.getElementById(counter.dataset.countFor);
  const most = Number(field.dataset.most);
  let pause;
  const count = () => {
    const left = most - [...field.value].length;
    counter.textContent = (left < 0 ? counter.dataset.over : counter.dataset.left).replace("{n}", Math.abs(left));
    clearTimeout(pause);
    counter.setAttribute("aria-live", "off");
    pause = setTimeout(() => counter.setAttribute("aria-live", "polite"), 800);
  };
  field.addEventListener("input", count);
  if (field.value) count();
});

// A menu that is unfolded folds again when the reader goes elsewhere, or by Escape.
document.querySelectorAll(".site-nav-more").forEach((menu) => {
  const summary = menu.querySelector("summary");
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("focusout", (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    summary.focus();
  });
});
