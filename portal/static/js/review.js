// Keys, and the way back to a line after its comment is saved. Every act has a control of its own, and works without.

const page = document.querySelector("[data-review]");
const NO_KEYS = "input:not([type='radio'], [type='checkbox']), select, textarea, [contenteditable]";
const SIGN_OF_LIFE_MS = 5 * 60 * 1000;

const lines = () => [...document.querySelectorAll("tbody.line")];
let current = null;

function say(text) {
  document.getElementById("said").textContent = text;
}

/** The line that the person is at: the one that holds the focus, else the one that they were at last. */
function here() {
  const found = document.activeElement?.closest("tbody.line") ?? (current && document.getElementById(current));
  return found ?? null;
}

function goTo(line) {
  current = line.id;
  const head = line.querySelector("[data-line]");
  head.scrollIntoView({ block: "nearest" });
  head.focus({ preventScroll: true });
}

function step(by) {
  const all = lines();
  const at = all.indexOf(here());
  const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
  if (next) goTo(next);
  else if (all.length) say(by > 0 ? page.dataset.last : page.dataset.first);
}

function comment() {
  const line = here() ?? lines()[0];
  if (!line) return;
  current = line.id;
  const writing = line.querySelector("[data-comment-form] textarea");
  if (writing) writing.focus();
  else line.querySelector("[data-comment]")?.click();
}

/** Choose in the decision; only its button decides. */
function choose(decision) {
  const radio = document.querySelector(`#the-decision input[name="decision"][value="${decision}"]`);
  if (!radio) return;
  radio.checked = true;
  radio.scrollIntoView({ block: "center" });
  radio.focus({ preventScroll: true });
  say(page.dataset.chosen.replace("{decision}", radio.labels[0].textContent.trim()));
}

function help() {
  const list = document.querySelector("[data-keys-help]");
  list.open = !list.open;
  list.querySelector("summary").focus();
}

const ACTS = {
  j: () => step(1),
  k: () => step(-1),
  c: comment,
  g: () => choose("approve"),
  r: () => choose("return"),
  u: () => document.querySelector("a[data-key='u']").click(),
  "?": help,
};

if (page) {
  page.querySelector("[data-with-scripts]").hidden = false;

  document.addEventListener("keydown", (event) => {
    if (page.dataset.keys === "off" || event.defaultPrevented || event.isComposing || event.repeat && event.key === "c") return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.(NO_KEYS)) return;
    const act = Object.hasOwn(ACTS, event.key) ? ACTS[event.key] : undefined;
    if (!act) return;
    event.preventDefault();
    act();
  });

  page.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-key]");
    if (button) ACTS[button.dataset.key]();
  });

  document.addEventListener("focusin", (event) => {
    const line = event.target.closest?.("tbody.line");
    if (line) current = line.id;
  });

  // A comment's form came or went with its line: on to the form, or back to the line.
  document.addEventListener("htmx:after:swap", (event) => {
    const id = event.detail?.ctx?.target?.id;
    const place = id && document.getElementById(id);
    if (!place) return;
    const writing = place.querySelector("[data-comment-form] textarea");
    if (writing) writing.focus();
    else if (place.matches("tbody.line")) goTo(place);
    else place.querySelector("[data-comment]")?.focus();
  });

  // What is written and not saved is not lost by deciding or leaving.
  window.addEventListener("beforeunload", (event) => {
    const written = [...document.querySelectorAll("[data-comment-form] textarea")];
    if (written.some((text) => text.value.trim() !== text.dataset.stored.trim())) event.preventDefault();
  });

  // Others see that somebody is at the report for as long as something is done here, not while the page only stands open.
  let active = false;
  for (const kind of ["keydown", "pointerdown", "scroll"]) {
    document.addEventListener(kind, () => { active = true; }, { passive: true });
  }
  setInterval(() => {
    const token = document.querySelector("input[name='csrf_token']")?.value;
    if (!active || !page.dataset.here || !token) return;
    active = false;
    fetch(page.dataset.here, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => {});
  }, SIGN_OF_LIFE_MS);
}
