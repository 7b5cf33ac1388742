// Saves each row of a grid as it is typed (templates/macros/grid.html, portal/web/lines.py), and never keeps quiet about
// what is not saved. htmx sends, queues and puts the answer in its place; without all this the form has its button.

const CONTROLS = "input[data-column], select[data-column]";
const MOST_ROWS_SAVED_ONE_BY_ONE = 20;
const PAUSE_MS = 400;
const MOST_WAITED_MS = 5000;

const form = document.querySelector("form[data-autosave]");
const trouble = form?.querySelector("[data-grid-trouble]");
const unsaved = new Set();
const acts = new WeakMap();
const pauses = new WeakMap();
const onItsWay = new Set();
let isLeaving = false;
let held;

const bodyOf = () => form.querySelector("#grid-rows");
const rowsOf = (element) => (element.matches("tr") ? [element] : [...element.querySelectorAll("tr")]);
const controlsOf = (element) => [...element.querySelectorAll(CONTROLS)];
const keyOf = (row) => row.querySelector("input[name$='-key']")?.value;
const nameOf = (control) => `${keyOf(control.closest("tr"))} ${control.dataset.column}`;

function tell(row, words, isRefused = false) {
  clearTimeout(pauses.get(row));
  const place = row.querySelector("[data-grid-saved]");
  if (!place) return;
  place.textContent = words;
  place.classList.toggle("is-refused", isRefused);
}

/** The row has something that is not saved. Said when the typing pauses: a new word makes a large table lay itself out. */
function note(row) {
  if (unsaved.has(row)) return;
  unsaved.add(row);
  pauses.set(row, setTimeout(() => { if (unsaved.has(row)) tell(row, form.dataset.unsaved); }, PAUSE_MS));
}

/** What a request is about: one row, or the table's body. None: it is no business of ours. */
function subjectOf(event) {
  const element = event.detail.ctx?.sourceElement;
  return form && element && bodyOf()?.contains(element) ? element : undefined;
}

/** What the form would send for these rows alone, as they are at this moment: the newest versions, the newest values. */
function bodyFor(element) {
  const body = new URLSearchParams();
  for (const name of ["csrf_token", "version"]) body.append(name, form.elements[name]?.value ?? "");
  if (!element.matches("tr")) body.append("answer", "filled");
  for (const control of element.querySelectorAll("[name]:not(button)")) body.append(control.name, control.value);
  if (acts.has(element)) body.append(acts.get(element), "1");
  acts.delete(element);
  return body;
}

// -- on its way --------------------------------------------------------------------------------------------------------

document.addEventListener("htmx:before:request", (event) => {
  const element = subjectOf(event);
  if (!element) return;
  if (isLeaving) return event.preventDefault(); // the form is on its way with all of it
  const { ctx } = event.detail;
  onItsWay.add(ctx);
  ctx.request.body = bodyFor(element);
  ctx.sentValues = new Map(controlsOf(element).map((control) => [nameOf(control), control.value]));
  rowsOf(element).filter((row) => unsaved.has(row)).forEach((row) => tell(row, form.dataset.saving));
});

// Anything but rows is no answer to put into the table: a page of an error, the page to sign in.
document.addEventListener("htmx:after:request", (event) => {
  const element = subjectOf(event);
  if (!element) return;
  const { ctx } = event.detail;
  if (ctx.response.status === 204) {
    rowsOf(element).forEach((row) => { unsaved.delete(row); tell(row, ""); });
  } else if (!/^\s*<t(r|body)\b/.test(ctx.text)) {
    event.preventDefault();
    fail(element, ctx.response.status === 401 ? "signedOut" : ctx.response.status >= 500 ? "noAnswer" : "refused");
  }
});

document.addEventListener("htmx:error", (event) => {
  const element = subjectOf(event);
  if (element) fail(element, "noAnswer");
});

function fail(element, why) {
  rowsOf(element).forEach((row) => { if (unsaved.has(row)) tell(row, form.dataset.failed, true); });
  trouble.querySelector("[data-grid-trouble-words]").textContent = form.dataset[why];
  trouble.querySelector("[data-grid-sign-in]").hidden = why !== "signedOut";
  trouble.hidden = false;
}

document.addEventListener("htmx:finally:request", (event) => {
  const { ctx } = event.detail;
  if (!onItsWay.delete(ctx)) return;
  if (ctx.response?.status === 409) stay(); // the row shows both values; sent on, the form would overwrite one unseen
  if (!onItsWay.size) goOn();
});

// The form waits for a row that is on its way: overtaking it, it would carry an older version, and meet itself as
// somebody who saved first.
window.addEventListener("submit", (event) => {
  if (event.target !== form || !onItsWay.size) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  held ??= { by: event.submitter, patience: setTimeout(goOn, MOST_WAITED_MS) };
  isLeaving = true; // nothing more sets out alone
}, true);

function stay() {
  if (!held) return;
  clearTimeout(held.patience);
  held = undefined;
  isLeaving = false;
}

function goOn() {
  if (!held) return;
  const { by } = held;
  stay();
  onItsWay.clear();
  // The answer may have put an equal button in the place of the one that was pressed.
  const equal = (each) => each.name === by.name && each.value === by.value;
  form.requestSubmit(by?.isConnected === false ? [...form.elements].find(equal) : by);
}

// -- back again --------------------------------------------------------------------------------------------------------

// What was typed while the row was on its way stays, and is sent next.
document.addEventListener("htmx:before:swap", (event) => {
  const element = subjectOf(event);
  const main = event.detail.tasks.find((task) => task.type === "main");
  if (!element || !main) return;
  const { ctx } = event.detail;
  const typed = new Map(controlsOf(element).map((control) => [nameOf(control), control.value]));
  ctx.wins = new Map();
  for (const control of controlsOf(main.fragment)) {
    const name = nameOf(control);
    const isNewer = typed.has(name) && typed.get(name) !== ctx.sentValues.get(name);
    if (isNewer) write(control, typed.get(name));
    ctx.wins.set(name, control.value);
  }
  rowsOf(element).forEach((row) => { unsaved.delete(row); clearTimeout(pauses.get(row)); });
  const newer = [...typed].filter(([name, value]) => value !== ctx.sentValues.get(name));
  ctx.newer = new Set(newer.map(([name]) => name.split(" ")[0]));
});

/** Set a control that is not in the page yet, so that it is drawn with the value. */
function write(control, value) {
  if (control.tagName === "SELECT") {
    [...control.options].forEach((option) => option.toggleAttribute("selected", option.value === value));
  } else {
    control.setAttribute("value", value);
  }
}

document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  if (!form || !ctx?.wins) return;
  const element = ctx.sourceElement.matches("tr") ? ctx.sourceElement : bodyOf();
  for (const control of controlsOf(element)) {
    const value = ctx.wins.get(nameOf(control));
    if (value !== undefined && control.value !== value && control !== document.activeElement) control.value = value;
  }
  const isKept = ctx.response.status !== 409;
  for (const row of rowsOf(element)) {
    if (!isKept) unsaved.add(row);
    if (!ctx.newer.has(keyOf(row))) continue;
    note(row);
    if (element === bodyOf()) save(row); // the row is a new one: nothing waits to send it
  }
  if (ctx.response.status !== 200) announce(element);
  if (!unsaved.size) trouble.hidden = true;
});

function announce(element) {
  const said = rowsOf(element).filter((row) => row.matches(".has-errors") || unsaved.has(row));
  const saved = (row) => row.querySelector("[data-grid-saved]").textContent;
  const words = said.slice(0, 3).map((row) => `${row.querySelector("th").textContent.trim()}: ${saved(row)}`);
  form.querySelector("[data-grid-said]").textContent = words.join(" ");
}

// -- what the person does ----------------------------------------------------------------------------------------------

form?.addEventListener("input", (event) => {
  const row = event.target.closest("#grid-rows > tr[hx-post]");
  if (row) note(row);
});

form?.addEventListener("change", (event) => {
  const row = event.target.closest("#grid-rows > tr[hx-post]");
  if (row) note(row);
});

form?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-grid-does]");
  const row = button?.closest("tr[hx-post]");
  if (!row || button.dataset.gridDoes === "unused") return;
  event.preventDefault();
  if (button.dataset.gridDoes === "confirm") acts.set(row, "confirm");
  note(row);
  save(row);
});

form?.addEventListener("grid:many", (event) => {
  event.preventDefault();
  const atFirst = (control) => (control.tagName === "SELECT" ? chosenAtFirst(control) : control.defaultValue);
  controlsOf(bodyOf()).forEach((control) => { if (control.value !== atFirst(control)) note(control.closest("tr")); });
  saveAll();
});

const chosenAtFirst = (select) => [...select.options].find((option) => option.defaultSelected)?.value ?? "";
const save = (row) => row.dispatchEvent(new Event("change"));

function saveAll() {
  const rows = [...unsaved].filter((row) => row.isConnected);
  if (rows.length <= MOST_ROWS_SAVED_ONE_BY_ONE) rows.forEach(save);
  else window.htmx.ajax("POST", form.action, { source: bodyOf(), target: bodyOf(), swap: "outerHTML" });
}

// -- when it went wrong ------------------------------------------------------------------------------------------------

trouble?.querySelector("[data-grid-again]").addEventListener("click", async () => {
  if (!trouble.querySelector("[data-grid-sign-in]").hidden && !(await renewToken())) return;
  trouble.hidden = true;
  saveAll();
});

/** After signing in elsewhere the page's form token is of no use any more; a new page has another. */
async function renewToken() {
  const answer = await fetch(form.action).catch(() => undefined);
  if (!answer?.ok || answer.redirected) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("form[data-autosave] [name='csrf_token']")?.value;
  if (!fresh) return false;
  document.querySelectorAll("[name='csrf_token']").forEach((input) => { input.value = fresh; });
  document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRFToken": fresh }));
  return true;
}

window.addEventListener("online", () => { if (unsaved.size) { trouble.hidden = true; saveAll(); } });

// After everybody who may stop it; and a page that comes back from the browser's memory is no longer on its way.
window.addEventListener("submit", (event) => { isLeaving = event.target === form && !event.defaultPrevented; });
window.addEventListener("pageshow", () => { isLeaving = false; });

window.addEventListener("beforeunload", (event) => {
  if (unsaved.size && !isLeaving) event.preventDefault();
});
